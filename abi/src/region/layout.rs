//! The numbers of the region's layout: sizes, and the offset of every field.
//!
//! `docs/region.md` is the same table in words. All integers are little-endian and naturally
//! aligned; offsets are in bytes. The reader is in the modules beside this one, the writer in the
//! wrapper.

/// First eight bytes of every region.
pub const MAGIC: [u8; 8] = *b"CTREGION";

/// Major version: a reader refuses every other one.
pub const MAJOR: u16 = 1;

/// Minor version that the writer writes; a reader takes every one.
pub const MINOR: u16 = 0;

/// Bytes of the header of minor version 0; a newer minor version may have more, never fewer.
pub const HEADER_SIZE: usize = 128;

/// Bytes of a directory entry of minor version 0; a newer minor version may have more.
pub const ENTRY_SIZE: usize = 96;

/// Flags, in the header and in entries, that a reader must refuse when it does not know them. A
/// reader ignores unknown flags of the lower half.
pub const INCOMPATIBLE_FLAGS: u32 = 0xffff_0000;

/// Entry flag: the slot is an environment string, `NAME=` before the value and a NUL after it.
pub const FLAG_ENVIRON: u32 = 1;

/// Entry flag: [`entry::UID`] and [`entry::GID`] name the owner of the file.
pub const FLAG_OWNER: u32 = 2;

/// Header flag: the preload library brings itself and the secrets into the programs that its
/// program executes, even where that one cleans the environment.
pub const FLAG_FOLLOW_CHILDREN: u32 = 1;

/// Header flag: a program that cannot load the preload library gets the variables as plain ones.
pub const FLAG_STATIC_PLAIN: u32 = 2;

/// Mode bits of a file for which the writer gave none: readable by its owner.
pub const DEFAULT_MODE: u32 = 0o400;

/// Offsets within the header, in bytes from the region's start.
pub mod header {
    /// `[u8; 8]`: [`super::MAGIC`].
    pub const MAGIC: usize = 0;
    /// `u16`: major version.
    pub const MAJOR: usize = 8;
    /// `u16`: minor version.
    pub const MINOR: usize = 10;
    /// `u32`: bytes of the header, a multiple of 8.
    pub const HEADER_SIZE: usize = 12;
    /// `u64`: bytes of the region, a multiple of 8.
    pub const CAPACITY: usize = 16;
    /// `u32`: number of entries.
    pub const ENTRY_COUNT: usize = 24;
    /// `u32`: bytes of an entry, a multiple of 8.
    pub const ENTRY_SIZE: usize = 28;
    /// `u64`: where the directory starts, a multiple of 8.
    pub const DIRECTORY: usize = 32;
    /// `u64`: where the texts start.
    pub const STRINGS: usize = 40;
    /// `u64`: bytes of all texts.
    pub const STRINGS_LEN: usize = 48;
    /// `u64`: where the area of the slots 0 starts, a multiple of 8.
    pub const SLOTS_0: usize = 56;
    /// `u64`: where the area of the slots 1 starts, a multiple of 8.
    pub const SLOTS_1: usize = 64;
    /// `u64`: bytes of each of the two slot areas.
    pub const SLOTS_LEN: usize = 72;
    /// `u64`, atomic: publications so far, of all entries together.
    pub const GENERATION: usize = 80;
    /// `u32`: the protection level's number ([`crate::protection::Protection::number`]).
    pub const PROTECTION: usize = 88;
    /// `u32`: flags, [`super::FLAG_FOLLOW_CHILDREN`] and [`super::FLAG_STATIC_PLAIN`].
    pub const FLAGS: usize = 92;
    /// `u64`: when the region was made, in nanoseconds since 1970; 0 is not told.
    pub const CREATED_NS: usize = 96;
    // 104..128: reserved, zero, ignored by readers.
}

/// Offsets within a directory entry, in bytes from the entry's start.
pub mod entry {
    /// `u64`, atomic: version × 2, plus 1 while the next version is being written.
    pub const SEQUENCE: usize = 0;
    /// `u64`: where the value starts in each slot area, a multiple of 8.
    pub const SLOT: usize = 8;
    /// `u64`: the most bytes that a value of this entry can have.
    pub const SLOT_CAPACITY: usize = 16;
    /// `u64`, atomic: bytes of the value in slot 0.
    pub const LEN_0: usize = 24;
    /// `u64`, atomic: bytes of the value in slot 1.
    pub const LEN_1: usize = 32;
    /// `u32` offset among the texts, `u32` bytes: the canonical reference.
    pub const REFERENCE: usize = 40;
    /// `u32` offset among the texts, `u32` bytes: the file's path.
    pub const PATH: usize = 48;
    /// `u32` offset among the texts, `u32` bytes: the variable's name.
    pub const VARIABLE: usize = 56;
    /// `u32`: flags, [`super::FLAG_ENVIRON`] and [`super::FLAG_OWNER`].
    pub const FLAGS: usize = 64;
    /// `u32`: permission bits of the file, 0 for [`super::DEFAULT_MODE`].
    pub const MODE: usize = 68;
    /// `u32`: user id of the file's owner, with [`super::FLAG_OWNER`].
    pub const UID: usize = 72;
    /// `u32`: group id of the file, with [`super::FLAG_OWNER`].
    pub const GID: usize = 76;
    /// `u32`: how often the file can be opened, all processes together; 0 for no limit.
    pub const OPENS: usize = 80;
    // 84..88: reserved, zero, ignored by readers.
    /// `u64`, atomic: when the live value was published, in nanoseconds since 1970; 0 for the
    /// first value.
    pub const CHANGED_NS: usize = 88;
}
