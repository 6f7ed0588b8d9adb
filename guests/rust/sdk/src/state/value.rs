//! How values stand in a store.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type that a store can hold. Numbers are eight bytes, little-endian; text is UTF-8; [`Json`] holds whatever serde can.
pub trait Value: Sized {
    fn decode(bytes: &[u8]) -> Result<Self, ValueError>;
    /// Appends the value's bytes.
    fn encode(&self, out: &mut Vec<u8>);
    /// The bytes of a number, which need no detour: they are stored where they will lie.
    #[doc(hidden)]
    #[inline(always)]
    fn number(&self) -> Option<[u8; 8]> {
        None
    }
}

/// Bytes that are not a value of the type asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueError(pub String);

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ValueError {}

macro_rules! number {
    ($number:ty) => {
        impl Value for $number {
            #[inline]
            fn decode(bytes: &[u8]) -> Result<Self, ValueError> {
                match bytes.try_into() {
                    Ok(bytes) => Ok(<$number>::from_le_bytes(bytes)),
                    Err(_) => Err(ValueError(format!("a {} has 8 bytes, this value {}", stringify!($number), bytes.len()))),
                }
            }

            #[inline]
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            #[inline(always)]
            fn number(&self) -> Option<[u8; 8]> {
                Some(self.to_le_bytes())
            }
        }
    };
}

number!(u64);
number!(i64);
number!(f64);

impl Value for String {
    fn decode(bytes: &[u8]) -> Result<Self, ValueError> {
        std::str::from_utf8(bytes).map(str::to_string).map_err(|e| ValueError(format!("the value is not UTF-8: {e}")))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }
}

impl Value for Vec<u8> {
    fn decode(bytes: &[u8]) -> Result<Self, ValueError> {
        Ok(bytes.to_vec())
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}

/// A value kept as JSON. Use types whose serialization is always the same (structs, `BTreeMap`, never `HashMap`): the same input must give the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize + DeserializeOwned> Value for Json<T> {
    fn decode(bytes: &[u8]) -> Result<Self, ValueError> {
        crate::config::from_json(bytes).map(Json).map_err(ValueError)
    }

    /// Panics where `T` cannot be JSON at all (a map whose keys are no strings): that is a mistake in the operator, not in its data.
    fn encode(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(out, &self.0).expect("a value that serde can write as JSON");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round<V: Value>(value: V) -> V {
        let mut bytes = Vec::new();
        value.encode(&mut bytes);
        V::decode(&bytes).unwrap()
    }

    #[test]
    fn values_come_back_as_they_went() {
        assert_eq!(round(u64::MAX), u64::MAX);
        assert_eq!(round(-5i64), -5);
        assert_eq!(round(0.1f64), 0.1);
        assert_eq!(round("grüße".to_string()), "grüße");
        assert_eq!(round(vec![0u8, 255]), [0, 255]);
        assert_eq!(round(Json(vec![(1u32, "a".to_string())])), Json(vec![(1, "a".to_string())]));
    }

    #[test]
    fn wrong_bytes_are_refused_with_the_reason() {
        assert_eq!(u64::decode(b"abc").unwrap_err().0, "a u64 has 8 bytes, this value 3");
        assert!(String::decode(&[0xff]).unwrap_err().0.contains("UTF-8"));
        assert!(Json::<u32>::decode(b"{}").unwrap_err().0.contains("invalid type"));
    }
}
