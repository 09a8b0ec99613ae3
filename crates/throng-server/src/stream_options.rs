//! Whether and how an answer is streamed.

use crate::error::ApiError;
use crate::fields::Fields;

/// What `stream_options` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamOptions {
    /// A last chunk tells the usage.
    pub(crate) include_usage: bool,
}

impl StreamOptions {
    /// Takes `stream` and `stream_options` out of a body; `None`: nothing is streamed.
    pub(crate) fn take(fields: &mut Fields) -> Result<Option<Self>, ApiError> {
        let stream = fields.boolean("stream")?.unwrap_or(false);
        let Some(mut options) = fields.fields("stream_options")? else {
            return Ok(stream.then(Self::default));
        };
        if !stream {
            return Err(ApiError::invalid("stream_options", "needs 'stream': true"));
        }
        let include_usage = options.boolean("include_usage")?.unwrap_or(false);
        // It pads chunks against an eavesdropper who measures them, which plain HTTP does not hide.
        options.ignore(&["include_obfuscation"]);
        options.finish()?;
        Ok(Some(Self { include_usage }))
    }
}
