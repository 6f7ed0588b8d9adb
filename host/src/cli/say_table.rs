//! Records as a table for people.

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;

use super::stream::fields;
use crate::record::View;

/// Collects rows; columns are the key and the values' fields in the order they first appear.
#[derive(Default)]
pub(super) struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<(String, String)>>,
}

impl Rows {
    pub fn add(&mut self, view: View<'_>) {
        let mut row = vec![("key".to_owned(), view.key.map_or_else(|| "-".to_owned(), |key| String::from_utf8_lossy(key).into_owned()))];
        row.extend(fields(view));
        for (name, _) in &row {
            if !self.columns.contains(name) {
                self.columns.push(name.clone());
            }
        }
        self.rows.push(row);
    }

    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_header(&self.columns);
        for row in &self.rows {
            let cell = |column: &String| row.iter().find(|(name, _)| name == column).map_or("", |(_, text)| text.as_str());
            table.add_row(self.columns.iter().map(cell));
        }
        table
    }
}
