//! The printed result: what was measured, the figure, the target.

/// Rows of the table.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<[String; 3]>,
}

impl Table {
    /// Adds a row. `target` is empty where there is none.
    pub(crate) fn row(
        &mut self,
        what: impl Into<String>,
        figure: impl Into<String>,
        target: impl Into<String>,
    ) {
        self.rows.push([what.into(), figure.into(), target.into()]);
    }

    /// Prints the rows in columns.
    pub(crate) fn print(&self) {
        let width =
            |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let (first, second) = (width(0).max(8), width(1).max(6));
        println!("{:first$}  {:second$}  target", "measured", "figure");
        for [what, figure, target] in &self.rows {
            println!("{what:first$}  {figure:second$}  {target}");
        }
    }
}

/// The value at `percent` of the sorted values, by the nearest-rank method.
pub(crate) fn percentile(values: &mut [f64], percent: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * values.len() as f64).ceil() as usize;
    values.get(rank.clamp(1, values.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
}

/// The median.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    percentile(values, 50.0)
}
