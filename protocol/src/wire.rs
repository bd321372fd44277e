//! Little-endian numbers and padded bytes: the only place that counts octets.

use crate::error::Violation;

/// Everything inside a packet starts at a multiple of this, so raw floats can be viewed where they lie.
pub(crate) const ALIGN: usize = 4;

/// Reads forward through bytes from outside; every step says whether there was enough.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn bytes(&mut self, n: usize) -> Result<&'a [u8], Violation> {
        if n > self.rest.len() {
            return Err(Violation::Short);
        }
        let (taken, rest) = self.rest.split_at(n);
        self.rest = rest;
        Ok(taken)
    }

    /// `n` bytes and the zeros that pad them to [`ALIGN`]; the padding of the last part may be absent.
    pub(crate) fn padded(&mut self, n: usize) -> Result<&'a [u8], Violation> {
        let taken = self.bytes(n)?;
        let pad = padding(n).min(self.rest.len());
        self.rest = &self.rest[pad..];
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Violation> {
        let mut out = [0; N];
        out.copy_from_slice(self.bytes(N)?);
        Ok(out)
    }

    /// Several numbers, one behind the other.
    pub(crate) fn u32s<const N: usize>(&mut self) -> Result<[u32; N], Violation> {
        let bytes = self.bytes(4 * N)?;
        let mut out = [0; N];
        for (number, four) in out.iter_mut().zip(bytes.as_chunks().0) {
            *number = u32::from_le_bytes(*four);
        }
        Ok(out)
    }

    /// The same.
    pub(crate) fn u64s<const N: usize>(&mut self) -> Result<[u64; N], Violation> {
        let bytes = self.bytes(8 * N)?;
        let mut out = [0; N];
        for (number, eight) in out.iter_mut().zip(bytes.as_chunks().0) {
            *number = u64::from_le_bytes(*eight);
        }
        Ok(out)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Violation> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Violation> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Violation> {
        Ok(u64::from_le_bytes(self.array()?))
    }
}

/// How many zeros follow `n` bytes.
pub(crate) fn padding(n: usize) -> usize {
    n.wrapping_neg() % ALIGN
}

/// Appends zeros until the length is a multiple of [`ALIGN`].
pub(crate) fn pad(out: &mut Vec<u8>) {
    out.resize(out.len() + padding(out.len()), 0);
}

/// One optional field of a head: `u8` tag, `u8` zero, `u16` length, the bytes, padding.
pub(crate) fn put_field(out: &mut Vec<u8>, tag: u8, value: &[u8]) {
    out.push(tag);
    out.push(0);
    out.extend_from_slice(&(value.len() as u16).to_le_bytes());
    out.extend_from_slice(value);
    pad(out);
}

/// The fields of a head, in order; an unknown tag is the reader's to skip.
pub(crate) fn fields(head: &[u8]) -> impl Iterator<Item = Result<(u8, &[u8]), Violation>> {
    let mut reader = Reader::new(head);
    core::iter::from_fn(move || (!reader.is_empty()).then(|| field(&mut reader)))
}

fn field<'a>(reader: &mut Reader<'a>) -> Result<(u8, &'a [u8]), Violation> {
    let taken = (|| {
        let [tag, _zero] = reader.array()?;
        let length = reader.u16()?;
        Ok((tag, reader.padded(length as usize)?))
    })();
    if taken.is_err() {
        reader.rest = &[]; // one broken field ends the head; do not report it for ever
    }
    taken
}

/// Text of a field.
pub(crate) fn text(bytes: &[u8]) -> Result<String, Violation> {
    core::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Violation::NotText)
}

/// Number of a field.
pub(crate) fn number(bytes: &[u8]) -> Result<u32, Violation> {
    Reader::new(bytes).u32()
}
