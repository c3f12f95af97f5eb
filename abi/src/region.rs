//! The secret region: layout and reader.
