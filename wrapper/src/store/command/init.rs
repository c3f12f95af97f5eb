//! `store init`: an empty store, and an identity if there is none.

use std::path::Path;

use age::secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::terminal;
use crate::cli::store::{InitArgs, RecipientArgs};
use crate::source::SourceConfig;
use crate::store::document::{Document, PassphraseWord, Recipients};
use crate::store::keys::Identities;
use crate::store::open::now;
use crate::store::recipient::{self, Recipient};
use crate::store::{StoreError, crypt, file, passphrase};

/// `named`: whether the identity files were named, and are not just the default.
pub(super) fn run(args: &InitArgs, config: &SourceConfig, named: bool) -> Result<(), StoreError> {
    if config.store.symlink_metadata().is_ok() {
        return Err(StoreError::Exists {
            file: config.store.clone(),
        });
    }
    let (recipients, passphrase) = if args.passphrase {
        let passphrase = passphrase::new(config.passphrase_file.as_deref(), &config.store)?;
        (
            Recipients::Passphrase(PassphraseWord::Passphrase),
            Some(passphrase),
        )
    } else {
        (Recipients::Keys(recipients(args, config, named)?), None)
    };
    create(config, recipients, passphrase.as_ref())
}

/// Encrypts and writes the empty store.
fn create(
    config: &SourceConfig,
    recipients: Recipients,
    passphrase: Option<&SecretString>,
) -> Result<(), StoreError> {
    let count = match &recipients {
        Recipients::Keys(keys) => keys.len(),
        Recipients::Passphrase(_) => 0,
    };
    let encrypted = crypt::encrypt(&Document::new(recipients), passphrase, &config.store)?;
    file::create(&config.store, &encrypted)?;
    let how = match count {
        0 => "a passphrase opens it".to_owned(),
        1 => "1 recipient can open it".to_owned(),
        count => format!("{count} recipients can open it"),
    };
    let text = format!("created the store {}; {how}\n", config.store.display());
    terminal::write_output(text.as_bytes())
}

/// The recipients of the options and those of the identities; makes an identity where it is wanted
/// and missing.
fn recipients(
    args: &InitArgs,
    config: &SourceConfig,
    named: bool,
) -> Result<Vec<String>, StoreError> {
    let mut texts = texts(&given(&args.recipients)?);
    let only_given = !texts.is_empty() && !named;
    for identity in &config.identities {
        if !identity.exists() {
            if only_given {
                continue;
            }
            generate(identity)?;
        }
        for recipient in Identities::load(std::slice::from_ref(identity))?.recipients {
            if !texts.contains(&recipient) {
                texts.push(recipient);
            }
        }
    }
    if texts.is_empty() {
        return Err(StoreError::NoHome);
    }
    Ok(texts)
}

/// The recipients that options name.
pub(super) fn given(args: &RecipientArgs) -> Result<Vec<Recipient>, StoreError> {
    let mut recipients = parse(&args.recipient)?;
    if let Some(file) = &args.recipients_file {
        recipients.extend(recipient::load_recipients(file)?);
    }
    Ok(recipients)
}

/// Checks recipients of the command line.
pub(super) fn parse(texts: &[String]) -> Result<Vec<Recipient>, StoreError> {
    texts.iter().map(|text| Ok(text.parse()?)).collect()
}

/// The recipients as they stand in a store, each once.
pub(super) fn texts(recipients: &[Recipient]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for recipient in recipients {
        let text = recipient.to_string();
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

/// Makes an X25519 identity in a new file of mode 0600.
fn generate(file: &Path) -> Result<(), StoreError> {
    let identity = age::x25519::Identity::generate();
    let public = identity.to_public();
    let mut text = Zeroizing::new(String::with_capacity(512));
    let secret = identity.to_string();
    text.push_str(&format!(
        "# created: {}
# public key: {public}
",
        now()
    ));
    text.push_str(secret.expose_secret());
    text.push('\n');
    file::create(file, text.as_bytes())?;
    let text = format!(
        "created the identity {}; keep a copy of it\n",
        file.display()
    );
    terminal::write_output(text.as_bytes())?;
    terminal::write_output(format!("its public recipient is {public}\n").as_bytes())
}
