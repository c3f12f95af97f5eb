//! Aligned columns for a terminal. Widths are counted in characters; colours are put around a
//! whole cell after it was padded, so that they do not disturb the alignment.

use crate::term::Paint;

/// Gap between two columns, in characters.
const GAP: &str = "  ";

/// How a cell is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tone {
    Plain,
    Good,
    Bad,
    Warn,
    Faint,
}

/// Rows of equal length under a head.
#[derive(Debug)]
pub(crate) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<(String, Tone)>>,
}

impl Table {
    /// An empty table with these column heads.
    pub(crate) fn new(head: &[&'static str]) -> Self {
        Self {
            head: head.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; a missing cell is empty.
    pub(crate) fn row(&mut self, cells: Vec<(String, Tone)>) {
        self.rows.push(cells);
    }

    /// The whole table, each line ended by a newline.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let widths: Vec<usize> = (0..self.head.len())
            .map(|column| self.width(column))
            .collect();
        let last = self.head.len().saturating_sub(1);
        let mut text = String::new();
        let mut line = |cells: &mut dyn Iterator<Item = (&str, Tone)>| {
            for (column, ((cell, tone), width)) in cells.zip(&widths).enumerate() {
                let padded = if column == last {
                    cell.to_owned()
                } else {
                    format!("{cell:<width$}{GAP}")
                };
                text.push_str(&toned(paint, &padded, tone));
            }
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
        };
        line(&mut self.head.iter().map(|head| (*head, Tone::Faint)));
        for row in &self.rows {
            line(&mut row.iter().map(|(cell, tone)| (cell.as_str(), *tone)));
        }
        text
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let head = self.head.get(column).map_or(0, |head| head.chars().count());
        cells
            .map(|(cell, _)| cell.chars().count())
            .fold(head, usize::max)
    }
}

fn toned(paint: Paint, text: &str, tone: Tone) -> String {
    match tone {
        Tone::Plain => text.to_owned(),
        Tone::Good => paint.green(text),
        Tone::Bad => paint.red(text),
        Tone::Warn => paint.yellow(text),
        Tone::Faint => paint.faint(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_in_characters_not_bytes() {
        let mut table = Table::new(&["what", "n"]);
        table.row(vec![
            ("größe".into(), Tone::Plain),
            ("1".into(), Tone::Plain),
        ]);
        table.row(vec![("x".into(), Tone::Plain), ("22".into(), Tone::Plain)]);
        // Tests do not run on a terminal, so this is plain text.
        assert_eq!(
            table.render(crate::term::stdout()),
            "what   n\ngröße  1\nx      22\n"
        );
    }
}
