//! Values on their way to the program, and names that look like something else (R10, R11, H4, H7).

use cloudtaser_tests::Wrapper;
use cloudtaser_tests::server::Server;
use cloudtaser_tests::server::fault::Proxy;
use cloudtaser_wrapper::status;
use serde_json::{Value, json};

use super::app::{App, environment, kv, refused, text};

#[test]
fn r10_all_keys_of_several_paths_where_the_later_one_wins_and_names_win_over_both() {
    let (kv, app) = kv("kv", 2);
    kv.put("one", &json!({ "a": "one", "b": "one", "c": "one" }));
    kv.put("two", &json!({ "b": "old two", "c": "old two" }));
    kv.put("two", &json!({ "b": "new two" }));
    let wrapper = app.direct().env("c", "inherited");
    let wrapper = wrapper.flag("--env-from", format!("vault:{}/one", kv.mount));
    let wrapper = wrapper.flag("--env-from", format!("vault:{}/two#1", kv.mount));
    let given = environment(&wrapper.flag("--env-from", format!("N_=vault:{}/two", kv.mount)));
    let values = ["a", "b", "c", "N_b"].map(|name| text(&given, name));
    assert_eq!(values, ["one", "old two", "inherited", "new two"]);
    assert!(!given.contains_key("N_c"));
}

#[test]
fn r11_values_arrive_byte_for_byte_in_their_documented_rendering() {
    let bytes: Vec<u8> = (0..=255).collect();
    let base64 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &bytes);
    let pem = &Server::shared().pki.client.key_pem;
    let long = "ü".repeat(65_000);
    let odd = " a\t\u{1}b\r\n\"\\\u{10ffff}$$ ";
    let mut cases = vec![
        ("TEXT", json!(odd), odd),
        ("NEWLINE", json!("p4ss\n\n"), "p4ss\n\n"),
        ("EMPTY", json!(""), ""),
        ("PEM", json!(pem), pem),
        ("BINARY", json!(base64), &base64),
        ("LONG", json!(long), &long),
        ("NEGATIVE", json!(-7), "-7"),
        ("FRACTION", json!(1.25), "1.25"),
        ("TRUE", json!(true), "true"),
        ("FALSE", json!(false), "false"),
        ("NULL", Value::Null, ""),
        ("ARRAY", json!([1, "a\n", null]), r#"[1,"a\n",null]"#),
        (
            "OBJECT",
            json!({ "a": { "b": [{}] } }),
            r#"{"a":{"b":[{}]}}"#,
        ),
    ];
    for version in [2, 1] {
        if version == 1 {
            // Version 2 makes a floating-point number of it, at the server.
            cases.push(("LARGE", json!(u64::MAX), "18446744073709551615"));
        }
        let (kv, app) = kv("kv", version);
        let fields = cases
            .iter()
            .map(|(name, value, _)| ((*name).to_owned(), value.clone()));
        kv.put("all", &Value::Object(fields.collect()));
        let wrapper = app
            .direct()
            .flag("--env-from", format!("vault:{}/all", kv.mount));
        let wrapper = wrapper.env("INSIDE", format!("<${{vault:{}/all#NEWLINE}}>", kv.mount));
        let given = environment(&wrapper);
        for (name, _, shown) in &cases {
            assert_eq!(text(&given, name), *shown, "{name}");
        }
        assert_eq!(text(&given, "INSIDE"), "<p4ss\n\n>");
    }
}

#[test]
fn r11_a_value_that_no_variable_can_hold_is_refused_before_the_program() {
    let (kv, app) = kv("kv", 2);
    kv.put(
        "app",
        &json!({ "large": "x".repeat(1 << 20), "zero": "a\0b", "fits": "y" }),
    );
    let reference = |field: &str| format!("vault:{}/app#{field}", kv.mount);
    for (field, said) in [("large", "deliver it as a file"), ("zero", "zero byte")] {
        let wrapper = app.direct().env("A", reference(field));
        let _ended = refused(&wrapper, status::USAGE, &["variable `A`", said]);
    }
    assert!(app.tokens().is_empty());
    // Control: the secret is read, and a field of it that fits arrives.
    assert_eq!(
        text(&environment(&app.direct().env("A", reference("fits"))), "A"),
        "y"
    );
}

#[test]
fn keys_of_the_json_library_are_plain_names_however_deep_they_nest() {
    let (kv, app) = kv("kv", 2);
    let raw = |inner: &str| json!({ "$serde_json::private::RawValue": inner });
    // Parsed anew at every level, this would end the stack.
    let mut nested = String::from("1");
    for _level in 0..10 {
        nested = raw(&format!("{}{nested}{}", "[".repeat(100), "]".repeat(100))).to_string();
    }
    kv.put(
        "app",
        &json!({ "f": "s3cret", "trick": raw("\"EVIL\""), "deep": raw(&nested) }),
    );
    let trick = format!("vault:{}/app#trick", kv.mount);
    let wrapper = app.direct().env("A", format!("vault:{}/app#f", kv.mount));
    let given = environment(&wrapper.env("TRICK", trick));
    assert_eq!(given["A"], b"s3cret");
    let expected = r#"{"$serde_json::private::RawValue":"\"EVIL\""}"#;
    assert_eq!(given["TRICK"], expected.as_bytes());
}

#[test]
fn h7_values_that_look_like_references_are_not_expanded() {
    let (kv, app) = kv("kv", 2);
    let inner = format!("vault:{}/app#password", kv.mount);
    let inline = format!("$${{{inner}}}${{{inner}}}");
    kv.put("app", &json!({ "password": "p4ss" }));
    kv.put(
        "trick",
        &json!({ "whole": inner, "inline": inline, "write": format!(">>{inner}") }),
    );
    let trick = |field: &str| format!("vault:{}/trick#{field}", kv.mount);
    let wrapper = app
        .direct()
        .flag("--env-from", format!("T_=vault:{}/trick", kv.mount));
    let wrapper = wrapper
        .env("WHOLE", trick("whole"))
        .env("INLINE", trick("inline"));
    let wrapper = wrapper.env("JOINED", format!("$${{${{{}}}}}", trick("whole")));
    let given = environment(&wrapper.env("CONTROL", &inner));
    for (name, value) in [
        ("WHOLE", &inner),
        ("INLINE", &inline),
        ("T_whole", &inner),
        ("T_inline", &inline),
        ("T_write", &format!(">>{inner}")),
        ("CONTROL", &String::from("p4ss")),
    ] {
        assert_eq!(text(&given, name), value, "{name}");
    }
    assert!(text(&given, "JOINED").contains(&inner));
}

#[test]
fn h4_any_text_in_a_path_a_field_or_a_role_is_data() {
    let (kv, app) = kv("kv", 2);
    kv.put(
        "a%20b%3Fc%23d%7B%7Be%7D%7D%22'%C3%BC%252f",
        &json!({ "f\"{{x}}'": "found" }),
    );
    let wrapper = app.direct();
    let odd = format!(
        "vault:{}/a b\\?c\\#d{{{{e}}}}\"'ü%2f#f\"{{{{x}}}}'",
        kv.mount
    );
    assert_eq!(text(&environment(&wrapper.env("A", odd)), "A"), "found");
    let up = format!("vault:{}/x/../../sys/health#f:-d", kv.mount);
    let _ended = refused(
        &app.direct().env("A", up),
        status::USAGE,
        &["no segments of a path"],
    );
    let proxy = Proxy::new(app.server);
    let role = "a\",\"x\":\"{{b}}\n";
    let pki = &app.server.pki;
    let wrapper = Wrapper::openbao_at(&proxy.url(), &pki.authority, Some(&pki.client))
        .login("jwt", "x/y?z#", role)
        .flag_file("--jwt-file", "a.b.c")
        .env("A", format!("vault:{}/x#y", kv.mount));
    let _ended = refused(&wrapper, status::PRIVILEGE, &["refuses the login"]);
    let seen = proxy.seen();
    assert_eq!(seen.len(), 1, "{:?}", proxy.asked());
    let login = &seen[0];
    assert_eq!(login.request.path, "/v1/auth/x/y%3Fz%23/login");
    let body: Value = serde_json::from_slice(&login.request.body).unwrap();
    assert_eq!(body, json!({ "jwt": "a.b.c", "role": role }));
    // A line break would begin another header.
    let wrapper = app.direct().flag("--namespace", "a\r\nx-vault-token: b");
    let wrapper = wrapper.env("A", format!("vault:{}/x#y", kv.mount));
    let _ended = refused(&wrapper, status::USAGE, &["--namespace"]);
}

#[test]
fn a_cubbyhole_is_read_with_the_token_that_owns_it() {
    let app = App::new(&[("nothing", "read")]);
    let token = app.admin.create_token(&[&app.name]);
    let owner = app.admin.with_token(&token.token);
    let _answer = owner.write("cubbyhole/app", &json!({ "f": "mine" }));
    let wrapper = || Wrapper::openbao(app.server).env("A", "vault:cubbyhole/app#f");
    assert_eq!(
        text(&environment(&wrapper().token(&token.token)), "A"),
        "mine"
    );
    let other = app.admin.create_token(&[&app.name]);
    let _ended = refused(
        &wrapper().token(&other.token),
        status::NO_SECRET,
        &["no secret at"],
    );
}
