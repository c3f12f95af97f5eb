//! Options of `cloudtaser store`: one struct for each command, with an example in its help.
//!
//! No option takes a secret: values come from standard input, files, a prompt or an editor.

use std::path::PathBuf;

/// Options of `cloudtaser store`.
#[derive(clap::Args, Clone, Debug)]
pub struct StoreArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: StoreCommand,
}

/// The commands of `cloudtaser store`.
#[derive(clap::Subcommand, Clone, Debug)]
#[non_exhaustive]
pub enum StoreCommand {
    /// Create an empty store, and an identity to open it with if there is none yet
    Init(InitArgs),
    /// Write fields of a secret; values come from standard input, a file or a prompt
    Set(SetArgs),
    /// Print a field of a secret, or all fields as JSON
    Get(GetArgs),
    /// List paths, with --long also the names of fields and versions
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Delete versions of a secret, so that they can be restored, or for good
    Rm(RmArgs),
    /// Restore deleted versions of a secret
    Undelete(UndeleteArgs),
    /// Edit a secret in an editor; the text is in memory only, never on a disk
    Edit(EditArgs),
    /// Encrypt the store anew, to the same or to other recipients
    Rekey(RekeyArgs),
    /// Write many fields from a JSON or dotenv file or from a server, all or nothing
    Import(Box<ImportArgs>),
    /// Print secrets as JSON or dotenv
    Export(ExportArgs),
}

/// To whom a new or re-encrypted store is readable.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Recipients")]
pub struct RecipientArgs {
    /// Public key that can open the store (age1…, ssh-ed25519 …, ssh-rsa …); may be repeated
    #[arg(long, value_name = "KEY")]
    pub recipient: Vec<String>,

    /// File with such public keys, one a line; `#` begins a comment
    #[arg(long, value_name = "FILE")]
    pub recipients_file: Option<PathBuf>,
}

/// `store init`
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cloudtaser store init
      An identity in ~/.config/cloudtaser/identity.txt (made if missing) opens the store.
  cloudtaser store init --recipient age1… --recipient \"$(cat ~/.ssh/id_ed25519.pub)\"
      The owners of these keys open the store, and the default identity if there is one.
  cloudtaser store init --passphrase
      A passphrase opens the store; starting a program takes about a second longer.")]
pub struct InitArgs {
    /// Recipients besides the identities' own.
    #[command(flatten)]
    pub recipients: RecipientArgs,

    /// Encrypt with a passphrase instead: asked for twice, or from --passphrase-file
    #[arg(long, conflicts_with_all = ["recipient", "recipients_file"])]
    pub passphrase: bool,
}

/// `store set`
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
A value never stands on the command line: everybody on this machine can read the arguments of a
process. FIELD and FIELD=- take standard input byte for byte, FIELD=@FILE a file; FIELD on a
terminal asks without showing what is typed.

Examples:
  cloudtaser store set secret/db password
      Asks for the password.
  pwgen -s 32 1 | cloudtaser store set --strip-newline secret/db password
  cloudtaser store set secret/tls cert=@tls.crt key=@tls.key
  echo '{\"port\": 5432}' | cloudtaser store set --json secret/db connection")]
pub struct SetArgs {
    /// The secret, such as secret/db (the same as secret/data/db)
    pub path: String,

    /// FIELD, FIELD=- or FIELD=@FILE
    #[arg(required = true, value_name = "FIELD")]
    pub fields: Vec<String>,

    /// Take the values as JSON: numbers, true, objects …
    #[arg(long, conflicts_with_all = ["base64", "strip_newline"])]
    pub json: bool,

    /// Store the values as base64 text; for bytes that are no UTF-8 text
    #[arg(long, conflicts_with = "strip_newline")]
    pub base64: bool,

    /// Take one newline off the end of each value
    #[arg(long)]
    pub strip_newline: bool,

    /// Start from no fields instead of those of the newest version
    #[arg(long)]
    pub replace: bool,

    /// Write only if the newest version is this one; 0: only if there is no secret yet
    #[arg(long, value_name = "VERSION")]
    pub cas: Option<u64>,
}

/// `store get`
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
A field is printed byte for byte, without a newline unless the output is a terminal.

Examples:
  cloudtaser store get secret/db#password
  cloudtaser store get secret/db#password#2      (version 2)
  cloudtaser store get secret/db                 (all fields, as JSON)
  cloudtaser store get secret/db --version 2 --field password")]
pub struct GetArgs {
    /// PATH, PATH#FIELD or PATH#FIELD#VERSION
    pub path: String,

    /// The field, instead of #FIELD
    #[arg(long, short)]
    pub field: Option<String>,

    /// The version, instead of #VERSION
    #[arg(long, value_name = "VERSION")]
    pub version: Option<u64>,
}

/// `store list`
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Example:
  cloudtaser store list -l secret/app
      Paths below secret/app, with the names of their fields, versions and times. No values.")]
pub struct ListArgs {
    /// Only paths that are this one or below it
    pub prefix: Option<String>,

    /// Also the version, its time and state, and the names of the fields
    #[arg(long, short)]
    pub long: bool,

    /// As JSON, with all versions
    #[arg(long)]
    pub json: bool,
}

/// `store rm`
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cloudtaser store rm secret/db
      Deletes the newest version; `undelete` restores it.
  cloudtaser store rm secret/db --versions 1,2 --destroy
      Versions 1 and 2 are gone for good.
  cloudtaser store rm secret/db --all
      The path is gone with all its versions.")]
pub struct RmArgs {
    /// The secret
    pub path: String,

    /// These versions instead of the newest one
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub versions: Vec<u64>,

    /// For good: the fields cannot be restored
    #[arg(long, requires = "versions")]
    pub destroy: bool,

    /// The whole path with all versions, for good
    #[arg(long, conflicts_with_all = ["versions", "destroy"])]
    pub all: bool,
}

/// `store undelete`
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Example:
  cloudtaser store undelete secret/db --versions 3,4")]
pub struct UndeleteArgs {
    /// The secret
    pub path: String,

    /// These versions; the newest one when absent
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub versions: Vec<u64>,
}

/// `store edit`
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
$VISUAL or else $EDITOR is started with a file in memory (/proc/self/fd/N). Editors of the vim
family are told to keep no swap, backup, undo or viminfo file; see to it yourself with others.
An editor that hands the file to a process that runs already cannot open it.

Example:
  EDITOR=vim cloudtaser store edit secret/db")]
pub struct EditArgs {
    /// The secret; it is created if it does not exist
    pub path: String,
}

/// `store rekey`
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Whoever could open the store before still opens old copies of the file: after taking a recipient
away, change the secrets too.

Examples:
  cloudtaser store rekey
      The same recipients, a new file key.
  cloudtaser store rekey --add-recipient age1…
  cloudtaser store rekey --remove-recipient age1…
  cloudtaser store rekey --passphrase")]
pub struct RekeyArgs {
    /// Exactly these recipients.
    #[command(flatten)]
    pub recipients: RecipientArgs,

    /// One recipient more; may be repeated
    #[arg(long, value_name = "KEY", conflicts_with_all = ["recipient", "recipients_file"])]
    pub add_recipient: Vec<String>,

    /// One recipient less; may be repeated
    #[arg(long, value_name = "KEY", conflicts_with_all = ["recipient", "recipients_file"])]
    pub remove_recipient: Vec<String>,

    /// A new passphrase instead of recipients: asked for twice, or from --new-passphrase-file
    #[arg(
        long,
        conflicts_with_all = ["recipient", "recipients_file", "add_recipient", "remove_recipient"]
    )]
    pub passphrase: bool,

    /// File with the new passphrase
    #[arg(long, value_name = "FILE", requires = "passphrase")]
    pub new_passphrase_file: Option<PathBuf>,

    /// Even if none of the identities in use can open the store afterwards
    #[arg(long)]
    pub force: bool,
}

/// A format of `import` and `export`.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Format {
    /// An object: path → object of fields
    Json,
    /// NAME=value lines, the fields of one path
    Dotenv,
}

/// `store import`
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
In dotenv files `$` stands for itself: nothing is expanded, so that no password changes on the way.

Examples:
  cloudtaser store import --path secret/app .env
  cloudtaser store import --format json secrets.json --dry-run
      {\"secret/db\": {\"user\": \"app\", \"password\": \"…\"}, …}
  cloudtaser store import --from-server secret/db secret/app/ --dry-run
      From the server of --addr: one secret, and everything below secret/app/ (newest versions).

Exit status:
  64 usage    66 no such secret    69 store or server unusable    75 server does not serve now
  76 server's certificate or answer not acceptable    77 login refused, or path forbidden")]
pub struct ImportArgs {
    /// The server.
    #[command(flatten)]
    pub server: super::server::ServerArgs,

    /// The file; `-` or nothing for standard input
    pub file: Option<PathBuf>,

    /// Read these secrets from the server instead of a file; a path that ends with / means
    /// everything below it
    #[arg(
        long,
        value_name = "PATH",
        num_args = 1..,
        conflicts_with_all = ["file", "format", "path"]
    )]
    pub from_server: Vec<String>,

    /// Format; else from the file's name (.json, .env)
    #[arg(long)]
    pub format: Option<Format>,

    /// The secret whose fields are read; needed for dotenv
    #[arg(long)]
    pub path: Option<String>,

    /// Start from no fields instead of those of the newest version
    #[arg(long)]
    pub replace: bool,

    /// Only say what would change; no values
    #[arg(long)]
    pub dry_run: bool,
}

/// `store export`
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cloudtaser store export | ssh host cloudtaser store import --format json -
  cloudtaser store export --format dotenv secret/app > /dev/shm/app.env")]
pub struct ExportArgs {
    /// These secrets instead of all
    pub paths: Vec<String>,

    /// Format
    #[arg(long, default_value = "json")]
    pub format: Format,

    /// All versions with their metadata, JSON only; `import` does not read this
    #[arg(long)]
    pub all_versions: bool,

    /// Even onto a terminal
    #[arg(long)]
    pub force: bool,
}
