//! Profiles, read, chosen and put into a pod: see `cloudtaser_fuzz::profiles`.
#![no_main]

use cloudtaser_fuzz::profiles::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| check(data));
