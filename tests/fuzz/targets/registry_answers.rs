//! What registries say, and the names and pull secrets that lead to them: see `cloudtaser_fuzz::answers`.
#![no_main]

use cloudtaser_fuzz::answers::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| check(data));
