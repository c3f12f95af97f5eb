//! `cargo xtask bench`: the figures that the project holds itself to, each beside its bar.
//!
//! Whatever is compared runs in the same process of measuring, in turns (see [`paired`]), so that
//! a busy machine hits both sides. The secrets here are made up and worthless.

use std::borrow::Cow;

use anyhow::{Result, bail};

use self::stage::Stage;
use crate::command::{Answer, nearest};
use crate::table::{Table, Tone};
use crate::term;

mod configs;
mod crowd;
mod fetch;
mod paired;
mod peers;
mod resident;
mod server;
mod stage;
mod start;

/// A measured figure against its bar.
#[derive(Debug)]
struct Figure {
    what: Cow<'static, str>,
    measured: f64,
    /// Largest good value.
    bar: f64,
    unit: &'static str,
    /// How it came about.
    how: String,
}

impl Figure {
    fn is_met(&self) -> bool {
        self.measured <= self.bar
    }
}

/// A benchmark: its name on the command line and what measures it.
struct Bench {
    name: &'static str,
    run: fn(&Stage) -> Result<Vec<Figure>>,
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "size",
        run: resident::size,
    },
    Bench {
        name: "start",
        run: start::ten,
    },
    Bench {
        name: "sops",
        run: start::against_sops,
    },
    Bench {
        name: "memory",
        run: resident::supervising,
    },
    Bench {
        name: "many",
        run: start::thousand,
    },
    Bench {
        name: "many-memory",
        run: resident::thousand,
    },
    Bench {
        name: "server",
        run: fetch::ten,
    },
    Bench {
        name: "server-many",
        run: fetch::thousand,
    },
    Bench {
        name: "server-memory",
        run: resident::supervising_from_server,
    },
    Bench {
        name: "vals",
        run: peers::vals,
    },
    Bench {
        name: "agent",
        run: peers::agent,
    },
    Bench {
        name: "consul-template",
        run: peers::consul_template,
    },
    Bench {
        name: "crowd",
        run: crowd::at_once,
    },
];

/// The command itself: fails when a bar is not met.
pub(crate) fn run(name: Option<&str>, json: bool) -> Answer {
    let wanted: Vec<&Bench> = BENCHES
        .iter()
        .filter(|bench| name.is_none_or(|name| name == bench.name))
        .collect();
    if wanted.is_empty() {
        let wrong = name.unwrap_or_default();
        let names: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
        let hint = nearest(wrong, names.iter().copied());
        bail!(
            "unknown benchmark `{wrong}`{hint}; there are {}",
            names.join(", ")
        );
    }
    let stage = Stage::new()?;
    let mut figures = Vec::new();
    for bench in wanted {
        figures.extend((bench.run)(&stage)?);
    }
    print!(
        "{}",
        if json {
            as_json(&figures)
        } else {
            as_table(&figures)
        }
    );
    Ok(figures.iter().all(Figure::is_met))
}

fn as_table(figures: &[Figure]) -> String {
    let mut table = Table::new(&["figure", "measured", "bar", "", "how"]);
    for figure in figures {
        let (word, tone) = if figure.is_met() {
            ("met", Tone::Good)
        } else {
            ("NOT MET", Tone::Bad)
        };
        table.row(vec![
            (figure.what.clone().into_owned(), Tone::Plain),
            (shown(figure.measured, figure.unit), Tone::Plain),
            (shown(figure.bar, figure.unit), Tone::Plain),
            (word.to_owned(), tone),
            (figure.how.clone(), Tone::Plain),
        ]);
    }
    table.render(term::stdout())
}

/// Two decimals, and three of what is small; counts have no unit.
fn shown(value: f64, unit: &str) -> String {
    if unit.is_empty() {
        return value.to_string();
    }
    let decimals = if value < 0.1 { 3 } else { 2 };
    format!("{value:.decimals$} {unit}")
}

fn as_json(figures: &[Figure]) -> String {
    let object = |figure: &Figure| {
        serde_json::json!({
            "figure": figure.what, "measured": figure.measured, "bar": figure.bar,
            "unit": figure.unit, "met": figure.is_met(), "how": figure.how,
        })
    };
    let list: Vec<_> = figures.iter().map(object).collect();
    format!("{:#}\n", serde_json::Value::from(list))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_figures_are_not_rounded_away() {
        assert_eq!(shown(0.0061, "×"), "0.006 ×");
        assert_eq!(shown(15.0, "ms"), "15.00 ms");
        assert_eq!(shown(0.0, ""), "0");
    }

    #[test]
    fn a_figure_over_its_bar_is_not_met() {
        let figure = |measured| Figure {
            what: "x".into(),
            measured,
            bar: 5.0,
            unit: "ms",
            how: String::new(),
        };
        assert!(figure(5.0).is_met() && !figure(5.01).is_met());
        // What cannot be measured is not met either.
        assert!(!figure(f64::NAN).is_met());
        assert!(as_table(&[figure(6.0)]).contains("NOT MET"));
        assert!(as_json(&[figure(6.0)]).contains("\"met\": false"));
    }
}
