//! `GET /draw/{name}`: a picture of a pipeline, made here: what it serves, and what it asks the host
//! for.

use std::fmt::Write;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::Response;
use hayrick_types::contract::SETUP;

use crate::error::ApiError;
use crate::state::ApiState;
use crate::wire::params::PathParams;

/// Sizes in the units of the picture.
const BOX_WIDTH: usize = 160;
const BOX_HEIGHT: usize = 32;
const ROW: usize = 44;
const COLUMN: usize = 240;
const MARGIN: usize = 20;

/// A browser may show the picture and nothing in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// `GET /draw/{name}`.
pub(crate) async fn one(
    State(state): State<ApiState>,
    PathParams(name): PathParams<String>,
) -> Result<Response, ApiError> {
    let pipeline = state.runtime().pipeline(&name);
    let version = pipeline.and_then(|pipeline| pipeline.version);
    let version = version.ok_or_else(|| ApiError::unknown_pipeline(&name, "GET /status"))?;
    let mut exports = interfaces(&version.exports);
    exports.retain(|interface| *interface != SETUP.0);
    let picture = picture(&name, &exports, &interfaces(&version.imports));
    let mut response = Response::new(Body::from(picture));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// The names of interfaces without package and version; records alone are not shown.
fn interfaces(names: &[String]) -> Vec<&str> {
    let mut short: Vec<&str> = names
        .iter()
        .map(|name| {
            let name = name.split('@').next().unwrap_or_default();
            name.rsplit('/').next().unwrap_or_default()
        })
        .filter(|name| *name != "types")
        .collect();
    short.sort_unstable();
    short.dedup();
    short
}

/// Exports on the left, the pipeline in the middle, imports on the right.
fn picture(name: &str, exports: &[&str], imports: &[&str]) -> String {
    let rows = exports.len().max(imports.len()).max(1);
    let (width, height) = (2 * COLUMN + BOX_WIDTH + 2 * MARGIN, rows * ROW + 2 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" font-family=\"sans-serif\" \
         font-size=\"13\"><title>{}</title><style>rect{{fill:#fff;stroke:#777}}\
         .pipeline{{fill:#fdf3d8;stroke:#b8860b}}path{{stroke:#777;fill:none}}\
         text{{text-anchor:middle;fill:#222}}</style>",
        escaped(name)
    );
    let middle = center(rows, 1, 0);
    for (place, _) in exports.iter().enumerate() {
        line(
            &mut svg,
            (MARGIN + BOX_WIDTH, center(rows, exports.len(), place)),
            (MARGIN + COLUMN, middle),
        );
    }
    for (place, _) in imports.iter().enumerate() {
        let end = (MARGIN + 2 * COLUMN, center(rows, imports.len(), place));
        line(&mut svg, (MARGIN + COLUMN + BOX_WIDTH, middle), end);
    }
    for (place, export) in exports.iter().enumerate() {
        labelled(
            &mut svg,
            MARGIN,
            center(rows, exports.len(), place),
            export,
            "export",
        );
    }
    labelled(&mut svg, MARGIN + COLUMN, middle, name, "pipeline");
    for (place, import) in imports.iter().enumerate() {
        let y = center(rows, imports.len(), place);
        labelled(&mut svg, MARGIN + 2 * COLUMN, y, import, "import");
    }
    svg.push_str("</svg>\n");
    svg
}

/// The height of the middle of a box, of `count` boxes beside `rows` rows.
fn center(rows: usize, count: usize, place: usize) -> usize {
    MARGIN + (rows - count.min(rows)) * ROW / 2 + place * ROW + ROW / 2
}

fn line(svg: &mut String, (from_x, from_y): (usize, usize), (to_x, to_y): (usize, usize)) {
    // Writing to a text cannot fail.
    let _ = write!(svg, "<path d=\"M{from_x} {from_y}L{to_x} {to_y}\"/>");
}

fn labelled(svg: &mut String, x: usize, y: usize, label: &str, class: &str) {
    let (top, middle, base) = (y - BOX_HEIGHT / 2, x + BOX_WIDTH / 2, y + 5);
    let _ = write!(
        svg,
        "<rect class=\"{class}\" x=\"{x}\" y=\"{top}\" width=\"{BOX_WIDTH}\" \
         height=\"{BOX_HEIGHT}\" rx=\"5\"/><text x=\"{middle}\" y=\"{base}\">{}</text>",
        escaped(&shortened(label))
    );
}

/// What fits into a box.
fn shortened(label: &str) -> String {
    const CHARS_MAX: usize = 22;
    if label.chars().count() <= CHARS_MAX {
        return label.to_owned();
    }
    label.chars().take(CHARS_MAX - 1).chain(['…']).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_a_box_for_each_interface_and_no_markup_of_a_name() {
        let names = [
            "hayrick:pipeline/chat@0.1.0",
            "hayrick:pipeline/types@0.1.0",
        ]
        .map(str::to_owned);
        assert_eq!(interfaces(&names), ["chat"]);
        let svg = picture("<script>&", &["chat", "api"], &["llm"]);
        assert_eq!(svg.matches("<rect").count(), 4);
        assert_eq!(svg.matches("<path").count(), 3);
        assert!(svg.contains("&lt;script&gt;&amp;") && !svg.contains("<script"));
        assert!(picture(&"x".repeat(64), &[], &[]).contains("xxx…<"));
    }
}
