//! The examples of `docs/region.md`, taken from the page as they stand there, under the wrapper.
#![expect(
    clippy::expect_used,
    reason = "a failing test shows where, and what each command printed"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use cloudtaser_tests::search::random_text;
use cloudtaser_tests::{Ended, Planted, Wrapper, skip};

fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the checkout")
}

/// The page's block of that language.
fn example(language: &str) -> String {
    let page = std::fs::read_to_string(root().join("docs/region.md")).expect("the page");
    let start = format!("```{language}\n");
    let (_, rest) = page.split_once(&start).expect("a block of that language");
    let (block, _) = rest.split_once("```").expect("its end");
    block.to_owned()
}

fn wrapper(value: &str) -> Wrapper {
    let secrets = [Planted::new("secret/db", "password", value)];
    Wrapper::local(&secrets)
        .delivery(Some("sdk"))
        .env("PGPASSWORD", "vault:secret/db#password")
}

fn compiled(wrapper: &Wrapper, source: &str) -> PathBuf {
    let input = wrapper.write("example.c", source);
    let output = wrapper.folder().join("example");
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(root().join("sdk-c"))
        .arg("-o")
        .args([&output, &input]);
    let _compiler = Ended::of(cc, b"").with(0);
    output
}

#[test]
fn the_c_example_prints_the_secret() {
    let value = random_text(40);
    let wrapper = wrapper(&value);
    let program = compiled(&wrapper, &example("c"));
    let ended = wrapper.run(&[&program]).with(0);
    assert_eq!(ended.stdout(), format!("{value}\n"), "{ended:?}");
    let bare = wrapper.run_bare(&[&program]).with(1);
    assert_eq!(bare.stderr(), "not-wrapped\n");
    let other = example("c").replace("secret/db#password", "secret/db#other");
    let program = compiled(&wrapper, &other);
    let ended = wrapper.run(&[&program]).with(1);
    assert_eq!(
        ended.stderr().lines().next(),
        Some("not-found"),
        "{ended:?}"
    );
    let ended = wrapper.run(&[&compiled(
        &wrapper,
        &example("c").replace("value[512]", "value[39]"),
    )]);
    let ended = ended.with(1);
    assert_eq!(ended.stderr().lines().next(), Some("room"), "{ended:?}");
}

#[test]
fn the_header_refuses_what_the_page_refuses() {
    let wrapper = wrapper("x");
    let source = r#"
        #define _GNU_SOURCE
        #include <stdio.h>
        #include "cloudtaser.h"
        int main(int argc, char **argv)
        {
            for (int i = 1; i < argc; i++) {
                struct ct_region region;
                static uint64_t words[400000];
                FILE *file = fopen(argv[i], "rb");
                size_t n = fread(words, 1, sizeof words, file);
                const char *fault = ct_map(&region, (unsigned char *)words, n);
                printf("%s\n", fault ? fault : "open");
                fclose(file);
            }
            return 0;
        }"#;
    let program = compiled(&wrapper, source);
    let vectors = root().join("tests/vectors");
    let text = std::fs::read_to_string(vectors.join("regions.json")).expect("the manifest");
    let manifest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let regions = manifest["regions"].as_array().expect("regions");
    let files = regions.iter().map(|region| {
        let file = region["file"].as_str().expect("a file");
        vectors.join(file).into_os_string()
    });
    let mut command = Command::new(program);
    command.args(files);
    let ended = Ended::of(command, b"").with(0);
    let wanted = regions
        .iter()
        .map(|region| region["error"].as_str().unwrap_or("open"));
    let told = ended.stdout();
    assert!(told.lines().eq(wanted), "{ended:?}");
    assert!(regions.len() > 60);
}

#[test]
fn the_python_example_prints_the_secret() {
    let python = Command::new("python3").arg("--version").output();
    if python.is_err() || !cfg!(target_arch = "x86_64") {
        skip("python3, on x86-64");
        return;
    }
    let value = random_text(40);
    let wrapper = wrapper(&value);
    let file = wrapper.write("example.py", example("python"));
    let words = ["python3".as_ref(), file.as_os_str()];
    let ended = wrapper.run(&words).with(0);
    assert_eq!(ended.stdout(), format!("{value}\n"), "{ended:?}");
}
