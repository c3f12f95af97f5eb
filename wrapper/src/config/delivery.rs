//! How the program gets its secrets: the options of the preload library.

use std::path::PathBuf;

use cloudtaser_abi::region::layout::{FLAG_FOLLOW_CHILDREN, FLAG_STATIC_PLAIN};

use super::ConfigError;
use super::file::FileConfig;
use crate::cli::run::{DeliveryMode, EnvStatic, RunArgs};

/// How the program gets its secrets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeliveryConfig {
    /// Which way.
    pub mode: DeliveryMode,
    /// The preload library, if somebody names it.
    pub library: Option<PathBuf>,
    /// Programs that the program starts get the secrets too.
    pub follows_children: bool,
    /// What programs get that the library cannot reach.
    pub env_static: EnvStatic,
}

impl DeliveryConfig {
    /// Puts together what `args` and `file` say.
    pub(super) fn new(
        args: &RunArgs,
        file: &FileConfig,
        bad_word: &dyn Fn(&'static str, &'static str) -> ConfigError,
    ) -> Result<Self, ConfigError> {
        let library = args.preload_library.clone();
        let follows = args.follow_children.or(file.follow_children);
        Ok(Self {
            mode: choice(args.delivery, file.delivery.as_deref())
                .ok_or_else(|| bad_word("delivery", "auto, preload, sdk, environ"))?,
            library: library.or_else(|| file.preload_library.clone()),
            follows_children: follows.unwrap_or(true),
            env_static: choice(args.env_static, file.env_static.as_deref())
                .ok_or_else(|| bad_word("env_static", "omit, plain"))?,
        })
    }

    /// The flags of the region's header.
    #[must_use]
    pub fn region_flags(&self) -> u32 {
        let mut flags = 0;
        if self.follows_children {
            flags |= FLAG_FOLLOW_CHILDREN;
        }
        if self.env_static == EnvStatic::Plain {
            flags |= FLAG_STATIC_PLAIN;
        }
        flags
    }
}

/// The flag's choice, or the file's word, or the default; `None` for an unknown word.
fn choice<T: clap::ValueEnum + Default>(flag: Option<T>, word: Option<&str>) -> Option<T> {
    match (flag, word) {
        (Some(choice), _) => Some(choice),
        (None, Some(word)) => T::from_str(word, false).ok(),
        (None, None) => Some(T::default()),
    }
}
