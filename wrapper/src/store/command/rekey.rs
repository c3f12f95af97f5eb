//! `store rekey`: encrypts the store anew, to the same or to other recipients.

use age::secrecy::SecretString;

use super::init::{given, parse, texts};
use super::terminal;
use crate::cli::store::RekeyArgs;
use crate::source::SourceConfig;
use crate::store::crypt::{self, Key};
use crate::store::document::{PassphraseWord, Recipients};
use crate::store::keys::Identities;
use crate::store::open::{Opened, open};
use crate::store::{StoreError, file, passphrase};

pub(super) fn run(args: &RekeyArgs, config: &SourceConfig) -> Result<(), StoreError> {
    drop(file::open(&config.store)?);
    let lock = file::Lock::acquire(&config.store)?;
    let opened = open(config)?;
    let mut document = opened.document()?;
    document.recipients = recipients(args, &document.recipients)?;
    let passphrase: Option<SecretString> = match (&document.recipients, args.passphrase) {
        (Recipients::Keys(_), _) => None,
        (Recipients::Passphrase(_), false) => opened.passphrase().cloned(),
        (Recipients::Passphrase(_), true) => Some(passphrase::new(
            args.new_passphrase_file.as_deref(),
            &config.store,
        )?),
    };
    let encrypted = crypt::encrypt(&document, passphrase.as_ref(), &config.store)?;
    if passphrase.is_none() && !args.force {
        refuse_lock_out(&encrypted, &opened, config)?;
    }
    lock.replace(&encrypted)?;
    let who = match &document.recipients {
        Recipients::Keys(keys) => keys.join("\n"),
        Recipients::Passphrase(_) => "a passphrase".to_owned(),
    };
    terminal::write_output(format!("the store is encrypted anew, to:\n{who}\n").as_bytes())
}

/// The recipients that the store is to have.
fn recipients(args: &RekeyArgs, old: &Recipients) -> Result<Recipients, StoreError> {
    let usage = |text: String| Err(StoreError::Usage(text));
    if args.passphrase {
        return Ok(Recipients::Passphrase(PassphraseWord::Passphrase));
    }
    let given = texts(&given(&args.recipients)?);
    if !given.is_empty() {
        return Ok(Recipients::Keys(given));
    }
    if args.recipients.recipients_file.is_some() {
        return usage("the recipients file names no recipient".to_owned());
    }
    let added = texts(&parse(&args.add_recipient)?);
    let removed = texts(&parse(&args.remove_recipient)?);
    let mut keys = match old {
        Recipients::Keys(keys) => keys.clone(),
        Recipients::Passphrase(_) if added.is_empty() && removed.is_empty() => {
            return Ok(old.clone());
        }
        Recipients::Passphrase(_) => {
            return usage(
                "the store has a passphrase, to which nothing can be added; name all recipients \
                 with --recipient"
                    .to_owned(),
            );
        }
    };
    for key in removed {
        if !keys.contains(&key) {
            return usage(format!("`{key}` is no recipient of the store"));
        }
        keys.retain(|known| *known != key);
    }
    keys.extend(added);
    keys.dedup();
    if keys.is_empty() {
        return usage("nobody could open the store any more; name a recipient".to_owned());
    }
    Ok(Recipients::Keys(keys))
}

/// Fails closed: a store that we cannot open again is written only when that is asked for.
fn refuse_lock_out(
    encrypted: &[u8],
    opened: &Opened,
    config: &SourceConfig,
) -> Result<(), StoreError> {
    let loaded;
    let identities = match opened.key() {
        Key::Identities(identities) => identities,
        Key::Passphrase(_) => {
            loaded = Identities::load(&config.identities)?;
            &loaded
        }
    };
    if crypt::opens(encrypted, identities) {
        return Ok(());
    }
    Err(StoreError::LockOut {
        tried: identities.names(),
    })
}
