//! What to type after the demo: the same with a store of one's own.

use std::path::Path;

/// The text, for the binary at this place.
pub(super) fn text(cloudtaser: &Path) -> String {
    let folder = cloudtaser.parent().unwrap_or(cloudtaser).display();
    format!(
        r#"
What to type next, with a store of your own:

  export PATH={folder}:$PATH
  cloudtaser store init
  cloudtaser store set secret/db password       # asks for the value, and does not show it

A file that only the program sees, and the look from outside that does not find it:

  cloudtaser run --file /run/db/password=vault:secret/db#password -- cat /run/db/password
  cat /run/db/password

A variable that the program has, and that the kernel does not show:

  cloudtaser run --env DB_PASSWORD=vault:secret/db#password -- \
      sh -c 'echo "$DB_PASSWORD"; grep -c DB_PASSWORD= /proc/$$/environ'

psql with your database, by a file or by a variable:

  PGPASSFILE=/run/db/pgpass cloudtaser run \
      --file '/run/db/pgpass=*:*:*:*:${{vault:secret/db#password}}' -- psql -h db.example
  cloudtaser run --env PGPASSWORD=vault:secret/db#password -- psql -h db.example

What this place can give, and what is not protected:

  cloudtaser doctor
  less README.md
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_what_run_takes() {
        let text = text(Path::new("/a/cloudtaser"));
        assert!(text.contains("PATH=/a:$PATH"), "{text}");
        assert!(
            text.contains("=*:*:*:*:${vault:secret/db#password}'"),
            "{text}"
        );
    }
}
