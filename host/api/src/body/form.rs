//! Reads a multipart form within its limits: files go to disk while they arrive, fields stay in
//! memory.

use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use hayrick_services::byte_shares::Share;
use hayrick_services::uploads::form::Form;
use hayrick_services::uploads::spool::{Owner, Spool};
use hayrick_types::limit_name::LimitName;
use hayrick_types::settings::server::ServerSettings;
use multer::{Field, Multipart};

use crate::body::pace::Pace;
use crate::body::unparsed::Unparsed;
use crate::error::ApiError;
use crate::wire::file_name::last_part;
use crate::wire::header_params;

const HOW: &str = "send multipart/form-data, as `curl -F file=@notes.txt` does";

/// Reads the whole form. If reading ends early, nothing of the form is left. Its fields count in
/// `held`.
///
/// # Errors
/// The body is not a form, or exceeds a limit; the client stopped; the disk is full.
pub(crate) async fn read(
    body: Body,
    headers: &HeaderMap,
    spool: (&Spool, Owner<'_>),
    config: &ServerSettings,
    held: &mut Share,
) -> Result<Form, ApiError> {
    let boundary = boundary(headers)?;
    let pace = Pace::new(
        config.upload_stall_timeout,
        LimitName::UploadStallTimeout,
        config.body_rate_min,
    );
    let mut reading = Reading {
        spool,
        config,
        held,
        form: Form::default(),
        bytes: 0,
        pace,
    };
    let unparsed = Unparsed::default();
    let mut parts = Multipart::new(unparsed.bound(body.into_data_stream()), boundary);
    while let Some(part) = read_paced(&mut reading.pace, parts.next_field(), |_| 0).await? {
        unparsed.clear();
        reading.part(part, &unparsed).await?;
    }
    Ok(reading.form)
}

/// The boundary between the parts.
fn boundary(headers: &HeaderMap) -> Result<String, ApiError> {
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let (kind, params) = header_params::parse(content_type.unwrap_or_default());
    if kind != "multipart/form-data" {
        return Err(ApiError::invalid(
            format!("the body is not a form: {HOW}"),
            None,
        ));
    }
    let boundary = header_params::find(&params, "boundary").map(header_params::text);
    boundary
        .filter(|boundary| !boundary.is_empty())
        .ok_or_else(|| {
            let text = format!("the header Content-Type names no boundary: {HOW}");
            ApiError::invalid(text, None)
        })
}

/// The name and the file name of a part.
fn names(part: &Field<'_>) -> (String, Option<String>) {
    let disposition = part.headers().get(CONTENT_DISPOSITION);
    let (_, params) = header_params::parse(disposition.map_or(&[], HeaderValue::as_bytes));
    let text = |name| header_params::find(&params, name).map(header_params::text);
    let extended = |name| header_params::find(&params, name).and_then(header_params::extended);
    let name = text("name").or(extended("name*")).unwrap_or_default();
    // RFC 8187: the extended form is the better one wherever it stands.
    (name, extended("filename*").or_else(|| text("filename")))
}

/// A form that is arriving.
struct Reading<'a> {
    spool: (&'a Spool, Owner<'a>),
    config: &'a ServerSettings,
    /// What the fields take up.
    held: &'a mut Share,
    form: Form,
    /// Bytes of all parts so far.
    bytes: u64,
    pace: Pace,
}

impl Reading<'_> {
    async fn part(&mut self, part: Field<'_>, unparsed: &Unparsed) -> Result<(), ApiError> {
        match names(&part) {
            // A browser sends this if no file was chosen.
            (_, Some(file)) if file.is_empty() => Ok(()),
            (field, Some(file)) => {
                let name = base_name(&file).to_owned();
                self.file(field, name, part, unparsed).await
            }
            (name, None) => self.field(name, part, unparsed).await,
        }
    }

    async fn file(
        &mut self,
        field: String,
        name: String,
        mut part: Field<'_>,
        unparsed: &Unparsed,
    ) -> Result<(), ApiError> {
        let files_max = self.config.files_max;
        if self.form.files.len() >= files_max {
            return Err(ApiError::too_large(format!(
                "the form has more than {files_max} files (files_max): send them in several forms"
            ))
            .limit(LimitName::FilesMax));
        }
        let content_type = part.content_type().map(ToString::to_string);
        self.check_name(&field)?;
        self.check_name(&name)?;
        self.check_name(content_type.as_deref().unwrap_or_default())?;
        let (spool, owner) = self.spool;
        let mut arriving = spool
            .begin(name, content_type, self.config.file_bytes_max, owner)
            .await?;
        while let Some(bytes) = self.piece(&mut part, unparsed).await? {
            arriving.write(bytes).await?;
        }
        self.form.files.push(arriving.finish());
        self.form.file_fields.push(field);
        Ok(())
    }

    async fn field(
        &mut self,
        name: String,
        mut part: Field<'_>,
        unparsed: &Unparsed,
    ) -> Result<(), ApiError> {
        let fields_max = self.config.fields_max;
        if self.form.fields.len() >= fields_max {
            return Err(ApiError::too_large(format!(
                "the form has more than {fields_max} fields (fields_max), its files not counted: send fewer"
            ))
            .limit(LimitName::FieldsMax));
        }
        self.check_name(&name)?;
        let mut content = Vec::new();
        while let Some(bytes) = self.piece(&mut part, unparsed).await? {
            self.held.take(bytes.len() as u64)?;
            content.extend_from_slice(&bytes);
            let max = self.config.field_bytes_max;
            if content.len() > max {
                let name: String = name.chars().take(64).collect();
                return Err(ApiError::too_large(format!(
                    "the field '{name}' is longer than {max} bytes (field_bytes_max): send it as \
                     a file"
                ))
                .limit(LimitName::FieldBytesMax));
            }
        }
        let content = String::from_utf8(content).map_err(|_| {
            ApiError::invalid("a field of the form is not UTF-8: send it as a file", None)
        })?;
        self.form.fields.push((name, content));
        Ok(())
    }

    async fn piece(
        &mut self,
        part: &mut Field<'_>,
        unparsed: &Unparsed,
    ) -> Result<Option<Bytes>, ApiError> {
        let piece = read_paced(&mut self.pace, part.chunk(), |piece| {
            piece.as_ref().map_or(0, Bytes::len)
        })
        .await?;
        unparsed.clear();
        self.bytes = self
            .bytes
            .saturating_add(piece.as_ref().map_or(0, |piece| piece.len() as u64));
        let max = self.config.upload_bytes_max;
        if self.bytes > max {
            return Err(ApiError::too_large(format!(
                "the form is longer than {max} bytes (upload_bytes_max): send less at a time"
            ))
            .limit(LimitName::UploadBytesMax));
        }
        Ok(piece)
    }

    /// Names and content types reach logs and plugins, so they must be short and on one line.
    fn check_name(&self, name: &str) -> Result<(), ApiError> {
        let max = NAME_BYTES_MAX;
        if name.len() > max || name.chars().any(char::is_control) {
            let text = format!(
                "a name or content type in the form is longer than {max} bytes or has a control \
                 character: rename the file"
            );
            return Err(ApiError::invalid(text, None));
        }
        Ok(())
    }
}

/// Bytes of a file name; file systems allow no more.
const NAME_BYTES_MAX: usize = 255;

/// The last part of a path, with slashes of either kind. A name of dots alone leads to a parent
/// folder, and becomes `file`.
fn base_name(name: &str) -> &str {
    let name = last_part(name);
    if name.chars().all(|character| character == '.') {
        "file"
    } else {
        name
    }
}

async fn read_paced<T>(
    pace: &mut Pace,
    piece: impl Future<Output = multer::Result<T>>,
    bytes: impl FnOnce(&T) -> usize,
) -> Result<T, ApiError> {
    let piece = pace
        .next(piece, |piece| piece.as_ref().map_or(0, bytes))
        .await?;
    piece.map_err(|error| {
        ApiError::invalid(format!("the form broke off or is not valid: {error}"), None)
    })
}

#[cfg(test)]
mod tests {
    use hayrick_services::byte_shares::ByteShares;

    use super::*;

    async fn form(parts: &str, config: &ServerSettings) -> Result<Form, ApiError> {
        let folder = tempfile::tempdir().unwrap();
        let owner = Owner {
            client: "c",
            pipeline: "p",
        };
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("multipart/form-data; boundary=B"),
        );
        read(
            Body::from(parts.to_owned()),
            &headers,
            (&Spool::new(folder.path(), config), owner),
            config,
            &mut ByteShares::default().open(Vec::new()),
        )
        .await
    }

    fn file(name: &str, content: &str) -> String {
        format!(
            "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n{content}\r\n"
        )
    }

    fn field(name: &str, content: &str) -> String {
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
    }

    #[tokio::test]
    async fn files_and_fields_keep_their_order_and_names_lose_their_folders() {
        let names = ["a.txt", "../../etc/passwd", "C:\\\\docs\\\\b.txt", "..", ""];
        let parts: String = names
            .iter()
            .map(|name| file(name, "x"))
            .chain([field("k", "1"), field("k", "ü"), "--B--\r\n".to_owned()])
            .collect();
        let form = form(&parts, &ServerSettings::default()).await.unwrap();
        let names: Vec<&str> = form.files.iter().map(|file| file.name()).collect();
        assert_eq!(names, ["a.txt", "passwd", "b.txt", "file"]);
        assert_eq!(
            form.fields,
            [
                ("k".to_owned(), "1".to_owned()),
                ("k".to_owned(), "ü".to_owned())
            ]
        );
    }

    #[tokio::test]
    async fn each_limit_is_named_in_its_error() {
        let config = ServerSettings {
            files_max: 2,
            file_bytes_max: 8,
            upload_bytes_max: 12,
            fields_max: 1,
            field_bytes_max: 5,
            ..ServerSettings::default()
        };
        let long_name = "n".repeat(256);
        let cases = [
            (file("a", "1").repeat(3), 413, "files_max"),
            (file("a", "123456789"), 413, "file_bytes_max"),
            (
                file("a", "12345678") + &file("b", "12345"),
                413,
                "upload_bytes_max",
            ),
            (
                file("a", "1") + &field("k", "1").repeat(2),
                413,
                "fields_max",
            ),
            (field("k", "123456"), 413, "field_bytes_max"),
            (file(&long_name, "1"), 400, "255 bytes"),
            (file("a", "1").trim_end().to_owned(), 400, "broke off"),
        ];
        for (parts, status, expected) in cases {
            let end = if expected == "broke off" {
                ""
            } else {
                "--B--\r\n"
            };
            let error = form(&(parts + end), &config).await.unwrap_err();
            assert_eq!(
                error.status().as_u16(),
                status,
                "{expected}: {}",
                error.message()
            );
            assert!(
                error.message().contains(expected),
                "{expected}: {}",
                error.message()
            );
        }
    }
}
