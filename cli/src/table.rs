//! Plain text tables for people.

/// Rows under a head line, in columns as wide as their widest cell. Ends with a line feed.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    columns(std::iter::once(&head).chain(rows))
}

/// `name  value` lines; lines with an empty value are left out.
pub(crate) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let rows: Vec<Vec<String>> = pairs
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    columns(rows.iter())
}

/// The text without control characters: what a service sends must not steer the terminal.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn columns<'a>(rows: impl Iterator<Item = &'a Vec<String>> + Clone) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows.clone() {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    rows.map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        line.push_str(&format!("{:<width$}  ", clean(cell)));
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".into(), "long cell".into(), String::new()], vec!["bcd".into(), "x".into(), "y".into()]];
        assert_eq!(table(&["ID", "TEXT", "Z"], &rows), "ID   TEXT       Z\na    long cell\nbcd  x          y\n");
    }

    #[test]
    fn empty_values_are_left_out() {
        assert_eq!(pairs([("name", "n".into()), ("labels", String::new())]), "name  n\n");
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(pairs([("a", "x\u{1b}[2Jy\n".into())]), "a  x?[2Jy?\n");
    }
}
