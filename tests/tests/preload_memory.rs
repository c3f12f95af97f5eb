//! With the preload library a program has its secrets, and nobody finds them in its memory from
//! outside before it copies them itself. Root reads every mapping; secret memory gives nothing to
//! anybody. The control: as plain variables the same search finds them all.

use cloudtaser_tests::running::{Running, is_root, search_outside};
use cloudtaser_tests::search::{Pieces, random_text, search};
use cloudtaser_tests::{Planted, Wrapper};

const SECRETS: usize = 20;

fn planted(values: &[String]) -> Vec<Planted> {
    let fields = values.iter().enumerate();
    fields
        .map(|(number, value)| Planted::new("secret/all", &format!("F{number}"), value.as_str()))
        .collect()
}

fn environ_of(pid: i32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a110_the_program_holds_no_copy_that_it_did_not_make() {
    if !is_root() {
        return;
    }
    let values: Vec<String> = (0..SECRETS).map(|_| random_text(40)).collect();
    let pieces = Pieces::of(&values);
    let wrapper = |delivery| {
        Wrapper::local(&planted(&values))
            .delivery(Some(delivery))
            .flags(&["--env-from", "vault:secret/all"])
    };
    let served =
        wrapper("preload").flags(&["--file", "/run/cloudtaser-test/m=vault:secret/all#F3"]);
    let running = Running::start(served);
    let found = search_outside(running.program, &pieces);
    assert!(found.places.is_empty(), "{:?}", found.places);
    let in_wrapper = running.search(&pieces, 1);
    assert!(in_wrapper.places.is_empty(), "{:?}", in_wrapper.places);
    let environ = environ_of(running.program);
    assert!(environ.contains("PATH=") && values.iter().all(|value| !environ.contains(value)));
    running.end();

    let control = Running::start(wrapper("environ"));
    let found = search(control.program, &pieces, None);
    assert!(found.places.len() >= SECRETS, "{:?}", found.places);
    let environ = environ_of(control.program);
    assert!(values.iter().all(|value| environ.contains(value)));
    control.end();
}
