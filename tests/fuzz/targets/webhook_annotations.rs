//! Annotations of pods, ours and the other injectors': see `cloudtaser_fuzz::annotations`.
#![no_main]

use cloudtaser_fuzz::annotations::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| check(data));
