//! A screen as a picture: text in a window, in the colours it had.

use std::fmt::Write;

use vt100::{Cell, Color, Screen};

/// Of one character, in pixels.
const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 18.0;
const MARGIN: f64 = 14.0;
/// The bar that a window has above.
const BAR: f64 = 30.0;

const PAPER: &str = "#1e1e22";
const INK: &str = "#d8d8d8";

/// The sixteen colours that have names, as xterm's are on a dark ground, somewhat softened.
const NAMED: [&str; 16] = [
    "#1e1e22", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d8d8d8", "#7f848e", "#ff7b86",
    "#b0d88f", "#f5d08b", "#78c0ff", "#d89aef", "#6fcfdb", "#ffffff",
];

/// How a run of characters looks.
#[derive(Clone, Copy, PartialEq)]
struct Look {
    ink: Color,
    paper: Color,
    bold: bool,
    dim: bool,
    inverse: bool,
}

pub(crate) fn picture(screen: &Screen, title: &str) -> String {
    let (rows, columns) = screen.size();
    let rows = used_rows(screen, rows);
    let (width, height) = (f64::from(columns) * WIDTH + 2.0 * MARGIN, f64::from(rows) * HEIGHT + MARGIN + BAR);
    let mut out = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0} {height:.0}' width='{width:.0}' \
         font-family='ui-monospace, Menlo, Consolas, \"DejaVu Sans Mono\", monospace' font-size='14'>\n\
         <rect width='{width:.0}' height='{height:.0}' rx='8' fill='{PAPER}'/>\n\
         <text x='{:.0}' y='20' text-anchor='middle' fill='#7f848e' font-size='13'>{}</text>\n",
        width / 2.0,
        escaped(title),
    );
    for (place, colour) in ["#ff5f57", "#febc2e", "#28c840"].iter().enumerate() {
        let x = 18 + 18 * place;
        writeln!(out, "<circle cx='{x}' cy='15' r='5.5' fill='{colour}'/>").expect("a string takes all");
    }
    for row in 0..rows {
        draw_row(&mut out, screen, row, columns);
    }
    out.push_str("</svg>\n");
    out
}

fn used_rows(screen: &Screen, rows: u16) -> u16 {
    let is_used =
        |row: &u16| (0..screen.size().1).any(|column| screen.cell(*row, column).is_some_and(Cell::has_contents));
    (0..rows).rev().find(is_used).map_or(1, |last| last + 1)
}

/// Characters that look the same are one piece of text.
fn draw_row(out: &mut String, screen: &Screen, row: u16, columns: u16) {
    let mut column = 0;
    while column < columns {
        let Some(look) = screen.cell(row, column).map(Look::of) else { break };
        let begin = column;
        let mut text = String::new();
        while let Some(cell) = screen.cell(row, column).filter(|cell| column < columns && Look::of(cell) == look) {
            text.push_str(if cell.has_contents() { cell.contents() } else { " " });
            column += if cell.is_wide() { 2 } else { 1 };
        }
        draw_run(out, row, begin, column - begin, &text, look);
    }
}

fn draw_run(out: &mut String, row: u16, column: u16, length: u16, text: &str, look: Look) {
    let (x, top) = (MARGIN + f64::from(column) * WIDTH, BAR + f64::from(row) * HEIGHT);
    let width = f64::from(length) * WIDTH;
    let (ink, paper) = look.colours();
    if let Some(paper) = paper {
        writeln!(out, "<rect x='{x:.1}' y='{top:.1}' width='{width:.1}' height='{HEIGHT}' fill='{paper}'/>")
            .expect("a string takes all");
    }
    if text.trim().is_empty() {
        return;
    }
    let weight = if look.bold { " font-weight='bold'" } else { "" };
    let dim = if look.dim { " opacity='0.65'" } else { "" };
    writeln!(
        out,
        "<text x='{x:.1}' y='{:.1}' fill='{ink}' textLength='{width:.1}' lengthAdjust='spacingAndGlyphs' \
         xml:space='preserve'{weight}{dim}>{}</text>",
        top + 13.5,
        escaped(text),
    )
    .expect("a string takes all");
}

impl Look {
    fn of(cell: &Cell) -> Look {
        let (ink, paper) = (cell.fgcolor(), cell.bgcolor());
        Look { ink, paper, bold: cell.bold(), dim: cell.dim(), inverse: cell.inverse() }
    }

    /// Of what is written, and what is below it if that is not the window's own.
    fn colours(self) -> (String, Option<String>) {
        let (ink, paper) = (hex(self.ink), hex(self.paper));
        if self.inverse {
            return (paper.unwrap_or(PAPER.to_owned()), Some(ink.unwrap_or(INK.to_owned())));
        }
        (ink.unwrap_or(INK.to_owned()), paper)
    }
}

/// The 256 colours are numbered as xterm numbers them: sixteen with names, a cube of 6 × 6 × 6, 24 greys.
fn hex(colour: Color) -> Option<String> {
    let (r, g, b) = match colour {
        Color::Default => return None,
        Color::Idx(index @ 0..16) => return Some(NAMED[usize::from(index)].to_owned()),
        Color::Idx(index @ 16..232) => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            let place = index - 16;
            (level(place / 36), level(place / 6 % 6), level(place % 6))
        }
        Color::Idx(grey) => (8 + 10 * (grey - 232), 8 + 10 * (grey - 232), 8 + 10 * (grey - 232)),
        Color::Rgb(r, g, b) => (r, g, b),
    };
    Some(format!("#{r:02x}{g:02x}{b:02x}"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_xterms() {
        let rows = [
            (Color::Idx(1), "#e06c75"),
            (Color::Idx(16), "#000000"),
            (Color::Idx(231), "#ffffff"),
            (Color::Idx(196), "#ff0000"),
            (Color::Idx(255), "#eeeeee"),
            (Color::Rgb(1, 2, 3), "#010203"),
        ];
        for (colour, expected) in rows {
            assert_eq!(hex(colour).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_picture_has_what_the_screen_has() {
        let mut parser = vt100::Parser::new(5, 20, 0);
        parser.process(b"a <b>\r\n\x1b[31mred\x1b[m plain");
        let picture = picture(parser.screen(), "t & t");
        for part in [">a &lt;b&gt;", "fill='#e06c75'", ">red<", "plain", "t &amp; t"] {
            assert!(picture.contains(part), "{part} in {picture}");
        }
    }
}
