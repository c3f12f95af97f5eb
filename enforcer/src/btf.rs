//! Offsets of kernel fields, from the kernel's own type description (BTF).
//!
//! Reads what `Documentation/bpf/btf.rst` of the kernel describes, and nothing but structures; aya
//! parses it too, but keeps the members to itself. Pure: bytes in, offsets out.

/// Why an offset could not be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum BtfError {
    /// Not BTF, or cut off.
    #[error("the kernel's type description is malformed")]
    Malformed,
    /// No such structure or field in this kernel.
    #[error("this kernel has no field `{path}`")]
    NoField {
        /// Structure and fields, with points between.
        path: String,
    },
}

/// `BTF_MAGIC`.
const MAGIC: u16 = 0xeb9f;
/// Kinds of types (`BTF_KIND_*`).
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
/// Typedef, volatile, const, restrict, type tag: the type behind them counts.
const MODIFIERS: [u32; 5] = [8, 9, 10, 11, 18];
/// Deepest nesting that is followed. Chosen: the kernel's own anonymous members need 3.
const DEEPEST: u32 = 8;

/// A type: its kind, the type or size behind it, and where its members are.
#[derive(Clone, Copy, Debug)]
struct Type {
    name: u32,
    kind: u32,
    is_bitfield: bool,
    behind: u32,
    members: usize,
    count: u32,
}

/// A parsed description.
#[derive(Debug)]
pub(crate) struct Btf<'a> {
    types: Vec<Type>,
    type_bytes: &'a [u8],
    strings: &'a [u8],
}

impl<'a> Btf<'a> {
    /// Finds every type's place.
    ///
    /// # Errors
    ///
    /// [`BtfError::Malformed`].
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, BtfError> {
        let magic = bytes.first_chunk().copied().map(u16::from_le_bytes);
        if magic != Some(MAGIC) {
            return Err(BtfError::Malformed);
        }
        let header = word(bytes, 4)?;
        let section = |at: usize| {
            let start = header.checked_add(word(bytes, at)?);
            let start = usize::try_from(start.ok_or(BtfError::Malformed)?).ok();
            let length = usize::try_from(word(bytes, at + 4)?).ok();
            let part = start
                .zip(length)
                .and_then(|(start, length)| bytes.get(start..)?.get(..length));
            part.ok_or(BtfError::Malformed)
        };
        let mut btf = Self {
            types: Vec::new(),
            type_bytes: section(8)?,
            strings: section(16)?,
        };
        let mut at = 0;
        while at < btf.type_bytes.len() {
            let info = word(btf.type_bytes, at + 4)?;
            let found = Type {
                name: word(btf.type_bytes, at)?,
                kind: (info >> 24) & 0x1f,
                is_bitfield: info >> 31 != 0,
                behind: word(btf.type_bytes, at + 8)?,
                members: at + 12,
                count: info & 0xffff,
            };
            at += 12 + found.more()?;
            btf.types.push(found);
        }
        Ok(btf)
    }

    /// The offset in bytes of `structure.field.field`.
    ///
    /// # Errors
    ///
    /// [`BtfError::NoField`].
    pub(crate) fn offset(&self, path: &str) -> Result<u64, BtfError> {
        let missing = || BtfError::NoField {
            path: path.to_owned(),
        };
        let mut names = path.split('.');
        let structure = names.next().unwrap_or_default();
        let is_wanted = |t: &&Type| t.kind == STRUCT && self.name(t.name) == structure.as_bytes();
        let mut place = *self.types.iter().find(is_wanted).ok_or_else(missing)?;
        let mut bits = 0;
        for name in names {
            let (more, behind) = self.member(place, name, DEEPEST).ok_or_else(missing)?;
            bits += more;
            place = self.behind(behind).ok_or_else(missing)?;
        }
        Ok(bits / 8)
    }

    /// The number that an enumeration gives a name.
    ///
    /// # Errors
    ///
    /// [`BtfError::NoField`].
    pub(crate) fn enumerator(&self, enumeration: &str, name: &str) -> Result<u32, BtfError> {
        let is_wanted = |t: &&Type| t.kind == ENUM && self.name(t.name) == enumeration.as_bytes();
        let missing = || BtfError::NoField {
            path: format!("{enumeration}.{name}"),
        };
        let found = self.types.iter().find(is_wanted).ok_or_else(missing)?;
        let count = usize::try_from(found.count).unwrap_or(0);
        let mut places = (0..count).map(|index| found.members + index * 8);
        let is_it = |at: &usize| {
            let own = word(self.type_bytes, *at).map(|own| self.name(own));
            own.is_ok_and(|own| own == name.as_bytes())
        };
        word(self.type_bytes, places.find(is_it).ok_or_else(missing)? + 4)
    }

    /// The offset in bits of a member, also in anonymous ones, and its type.
    fn member(&self, place: Type, name: &str, deepest: u32) -> Option<(u64, u32)> {
        if !matches!(place.kind, STRUCT | UNION) || deepest == 0 {
            return None;
        }
        for index in 0..usize::try_from(place.count).ok()? {
            let at = place.members + index * 12;
            let own = self.name(word(self.type_bytes, at).ok()?);
            let behind = word(self.type_bytes, at + 4).ok()?;
            let mut bits = word(self.type_bytes, at + 8).ok()?;
            if place.is_bitfield {
                bits &= 0x00ff_ffff;
            }
            if own == name.as_bytes() {
                return Some((bits.into(), behind));
            }
            if own.is_empty()
                && let Some(inner) = self.behind(behind)
                && let Some((more, behind)) = self.member(inner, name, deepest - 1)
            {
                return Some((u64::from(bits) + more, behind));
            }
        }
        None
    }

    /// A type without what modifies it.
    fn behind(&self, id: u32) -> Option<Type> {
        let mut id = id;
        for _ in 0..DEEPEST {
            let found = *self.types.get(usize::try_from(id).ok()?.checked_sub(1)?)?;
            if !MODIFIERS.contains(&found.kind) {
                return Some(found);
            }
            id = found.behind;
        }
        None
    }

    fn name(&self, at: u32) -> &[u8] {
        let from = usize::try_from(at)
            .ok()
            .and_then(|at| self.strings.get(at..));
        let mut parts = from.unwrap_or_default().split(|byte| *byte == 0);
        parts.next().unwrap_or_default()
    }
}

impl Type {
    /// Bytes behind the type's first twelve.
    fn more(&self) -> Result<usize, BtfError> {
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        Ok(match self.kind {
            // INT, VAR, DECL_TAG
            1 | 14 | 17 => 4,
            // ARRAY
            3 => 12,
            // STRUCT, UNION, DATASEC, ENUM64
            4 | 5 | 15 | 19 => count * 12,
            // ENUM, FUNC_PROTO
            6 | 13 => count * 8,
            // PTR, FWD, modifiers, FUNC, FLOAT
            2 | 7..=12 | 16 | 18 => 0,
            _ => return Err(BtfError::Malformed),
        })
    }
}

fn word(bytes: &[u8], at: usize) -> Result<u32, BtfError> {
    let found = bytes.get(at..).and_then(<[u8]>::first_chunk);
    found
        .copied()
        .map(u32::from_le_bytes)
        .ok_or(BtfError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `struct a { int x; union { const struct b y; }; }; struct b { int p; int q; }`.
    fn small() -> Vec<u8> {
        let strings = b"\0a\0x\0y\0b\0p\0q\0int\0";
        let types: &[u32] = &[
            13,
            1 << 24,
            4,
            32, // 1: int
            1,
            (4 << 24) | 2,
            12,
            3,
            1,
            0,
            0,
            3,
            32, // 2: a
            0,
            (5 << 24) | 1,
            8,
            5,
            4,
            0, // 3: the union
            7,
            (4 << 24) | 2,
            8,
            9,
            1,
            0,
            11,
            1,
            32, // 5 would be b; see below
        ];
        let mut words: Vec<u32> = types[..19].to_vec();
        words.extend([0, 10 << 24, 5]); // 4: const b
        words.extend(&types[19..]); // 5: b
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        let type_bytes = u32::try_from(words.len() * 4).unwrap();
        for word in [
            24,
            0,
            type_bytes,
            type_bytes,
            u32::try_from(strings.len()).unwrap(),
        ] {
            bytes.extend(word.to_le_bytes());
        }
        for word in words {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(strings);
        bytes
    }

    #[test]
    fn fields_are_found_through_unions_and_modifiers() {
        let bytes = small();
        let btf = Btf::parse(&bytes).unwrap();
        assert_eq!(btf.offset("a.x").unwrap(), 0);
        assert_eq!(btf.offset("a.y.q").unwrap(), 8);
        assert!(matches!(btf.offset("a.z"), Err(BtfError::NoField { .. })));
        assert!(matches!(btf.offset("c.z"), Err(BtfError::NoField { .. })));
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        let bytes = small();
        for length in 0..bytes.len() {
            assert!(Btf::parse(&bytes[..length]).is_err(), "{length}");
        }
    }
}
