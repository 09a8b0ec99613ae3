//! Who asks: the tenant of a request and what it may do, by the key that comes with it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use sha2::{Digest, Sha256};
use throng_engine::Tenant;

use crate::api_keys::{ApiKeys, Key};
use crate::app::ModelName;
use crate::error::ApiError;
use crate::exchange::Exchange;
use crate::id;
use crate::rate_limits::Quota;
use crate::state::ServerState;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Whose request it is.
    pub(crate) tenant: Tenant,
    /// How much may be asked with the same key.
    pub(crate) quota: Quota,
    /// The request itself.
    pub(crate) exchange: Exchange,
    /// Names of models that may be asked; `None`: all.
    models: Option<Arc<[String]>>,
}

impl FromRequestParts<ServerState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, ApiError> {
        let Key { tenant, limits, used, models } = state.tenants.identify(&parts.headers)?;
        let quota = Quota::new(limits, used, state.clock.clone());
        let exchange = parts.extensions.get::<Exchange>().expect("every route is followed").clone();
        exchange.identified(&tenant.name, &quota);
        Ok(Self { tenant, quota, exchange, models })
    }
}

impl Caller {
    /// Whether this model may be asked, which is so if any of its names was given.
    pub(crate) fn may_ask(&self, model: &ModelName) -> bool {
        let Some(allowed) = &self.models else { return true };
        allowed.iter().any(|name| *name == model.id || model.aliases.contains(name))
    }
}

/// Tells tenants apart.
#[derive(Clone, Debug)]
pub(crate) struct Tenants {
    /// Those who may ask; `None`: everybody.
    keys: Option<ApiKeys>,
    /// Makes the names that are derived from keys useless to guess the keys by.
    pepper: [u64; 2],
}

impl Tenants {
    /// Lets in who has one of the keys, or everybody.
    pub(crate) fn new(keys: Option<ApiKeys>) -> Self {
        Self { keys, pepper: [id::random(), id::random()] }
    }

    /// Whether only those may ask who have a key.
    pub(crate) fn need_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// What is known of the key in these headers. Where everybody may ask, those with the same key are one
    /// tenant, and so are those without.
    ///
    /// # Errors
    /// A key is needed, and this one is wrong or missing.
    pub(crate) fn identify(&self, headers: &HeaderMap) -> Result<Key, ApiError> {
        let key = bearer(headers);
        match (&self.keys, key) {
            (Some(keys), Some(key)) => keys.find(key).ok_or_else(ApiError::incorrect_api_key),
            (Some(_), None) => Err(ApiError::missing_api_key()),
            (None, Some(key)) => {
                let tenant = Tenant { name: self.name(key).into(), ..Tenant::default() };
                Ok(Key { tenant, ..Key::default() })
            }
            (None, None) => Ok(Key::default()),
        }
    }

    /// A name for the owner of a key that nobody has named.
    fn name(&self, key: &str) -> String {
        let mut hash = Sha256::new();
        self.pepper.iter().for_each(|half| hash.update(half.to_le_bytes()));
        hash.update(key);
        let bytes: [u8; 32] = hash.finalize().into();
        bytes[..8].iter().fold("key-".to_owned(), |name, byte| format!("{name}{byte:02x}"))
    }
}

/// The key in `Authorization: Bearer KEY`, if there is one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?;
    // A key that is no ASCII is nobody's; it must not pass for none.
    let value = value.to_str().unwrap_or("Bearer \u{fffd}");
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::Tenants;
    use crate::api_keys::ApiKeys;

    fn name(tenants: &Tenants, value: &[u8]) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert("Authorization", HeaderValue::from_bytes(value).unwrap());
        tenants.identify(&headers).ok().map(|key| key.tenant.name.to_string())
    }

    #[test]
    fn without_keys_the_bearer_is_the_tenant_and_its_name_does_not_tell_the_key() {
        let open = Tenants::new(None);
        let one = name(&open, b"Bearer sk-one").unwrap();
        assert_eq!(name(&open, b"bearer  sk-one "), Some(one.clone()));
        assert_ne!(name(&open, b"Bearer sk-two"), Some(one.clone()));
        assert!(!one.contains("one") && one.len() == "key-".len() + 16, "{one}");
        assert_ne!(name(&Tenants::new(None), b"Bearer sk-one"), Some(one), "another server's name");
        for none in [&b"Bearer "[..], b"Basic eA==", b"Bearer", b""] {
            assert_eq!(name(&open, none).unwrap(), "anonymous");
        }
        assert_eq!(&*open.identify(&HeaderMap::new()).unwrap().tenant.name, "anonymous");
    }

    #[test]
    fn with_keys_one_of_them_is_needed() {
        let closed = Tenants::new(Some(ApiKeys::parse("sk-one alice").unwrap()));
        assert_eq!(name(&closed, b"Bearer sk-one"), Some("alice".to_owned()));
        for wrong in [&b"Bearer sk-two"[..], b"Bearer", b"Basic sk-one", b"sk-one", b"Bearer \xff"]
        {
            assert_eq!(name(&closed, wrong), None);
        }
        assert!(closed.identify(&HeaderMap::new()).is_err());
    }
}
