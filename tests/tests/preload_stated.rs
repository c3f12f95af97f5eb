//! Limits that `docs/preload.md` states, each beside what a real file does, so that the page cannot
//! say what is not so.

use std::path::PathBuf;

use cloudtaser_tests::compile::{self, CLibrary};
use cloudtaser_tests::preload::Served;

#[test]
fn odd_calls_do_what_the_page_says() {
    for library in CLibrary::DYNAMIC {
        let served = Served::new("hunter2-secret");
        let once = served.folder().join("virtual/once");
        let option = format!("{},opens=1=vault:secret/db#password", once.display());
        let served = served.with(|wrapper| wrapper.flags(&["--file", &option]));
        let program = compile::program("stated", library, served.folder());
        let ours = served.run(&[program.clone(), served.path(), once]).with(0);
        // EFAULT, EMFILE, ENOENT: the open that failed has used up the only one.
        let expected = "path: null 14, low 14\nread into null: 14\nflock: 0 0\n\
                        read above the limit: hunter2-secret\nno number left: 24\nthe next open: 2\n";
        assert_eq!(ours.stdout(), expected, "{library:?}");
        // A real file differs where the page says so: its lock excludes.
        let real: [PathBuf; 2] = [program, served.real_path()];
        let real = served.run_bare(&real).with(0).stdout();
        let expected = "path: null 14, low 14\nread into null: 14\nflock: 0 -1\n\
                        read above the limit: hunter2-secret\n";
        assert_eq!(real, expected, "{library:?} without us");
    }
}
