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
mod preload;
mod resident;
mod sdk;
mod server;
mod stage;
mod start;
mod webhook;

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

const fn bench(name: &'static str, run: fn(&Stage) -> Result<Vec<Figure>>) -> Bench {
    Bench { name, run }
}

const BENCHES: &[Bench] = &[
    bench("size", resident::size),
    bench("start", start::ten),
    bench("sops", start::against_sops),
    bench("memory", resident::supervising),
    bench("many", start::thousand),
    bench("many-memory", resident::thousand),
    bench("server", fetch::ten),
    bench("server-many", fetch::thousand),
    bench("server-memory", resident::supervising_from_server),
    bench("vals", peers::vals),
    bench("agent", peers::agent),
    bench("consul-template", peers::consul_template),
    bench("crowd", crowd::at_once),
    bench("preload-open", preload::unrelated),
    bench("preload-find", preload::programs::find),
    bench("preload-git", preload::programs::git),
    bench("preload-python", preload::programs::python),
    bench("preload-secret", preload::secret),
    bench("preload-load", preload::load),
    bench("preload-threads", preload::threads::rotating),
    bench("sdk", sdk::calls),
    bench("webhook-decide", webhook::decide),
    bench("webhook-crowd", webhook::crowd),
];

/// The command itself: fails when a bar is not met.
pub(crate) fn run(name: Option<&str>, json: bool) -> Answer {
    let wanted = wanted(name);
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

/// The benchmark of that name; else those whose name begins with it and a dash; all without one.
fn wanted(name: Option<&str>) -> Vec<&'static Bench> {
    let is_alone = BENCHES.iter().any(|bench| Some(bench.name) == name);
    let is_wanted = |bench: &&Bench| match name {
        None => true,
        Some(name) if is_alone => bench.name == name,
        Some(name) => {
            let rest = bench.name.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with('-'))
        }
    };
    BENCHES.iter().filter(is_wanted).collect()
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
    fn a_name_is_one_benchmark_or_a_group() {
        let names = |name| -> Vec<&str> { wanted(name).iter().map(|bench| bench.name).collect() };
        assert_eq!(names(Some("server")), ["server"]);
        assert_eq!(names(None).len(), BENCHES.len());
        assert!(names(Some("preload")).contains(&"preload-open"));
        assert!(names(Some("pre")).is_empty());
    }

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
