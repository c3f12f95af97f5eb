//! New processes without a new program: fork(2), vfork(2). What both processes have is shared first.

use core::ffi::c_int;

use crate::descriptor;
use crate::state::{init, process};

interpose! {
    /// fork(2).
    fn fork() -> c_int {
        init::ensure();
        descriptor::share_all();
        let child = next!(fn fork() -> c_int);
        if child == 0 {
            process::adopt();
        }
        if child < 0 { Some(Err(crate::sys::errno::get())) } else { Some(Ok(child)) }
    }
}
