//! Whether the kernel starts a program in *secure execution* (`AT_SECURE`, ld.so(8)), in which the
//! dynamic linker ignores us: a decision on numbers alone, that of `cap_bprm_creds_from_file`
//! (security/commoncap.c).

const SET_USER_ID: u32 = 0o4000;
/// Set-group-ID, and executable by the group; without that it means something else.
const SET_GROUP_ID: u32 = 0o2010;

/// What counts of a program's file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Privileges {
    /// Its mode.
    pub mode: u32,
    /// Its owner.
    pub user: u32,
    /// Its group.
    pub group: u32,
    /// It has capabilities (`security.capability`).
    pub has_capabilities: bool,
    /// It lies on a file system that is mounted `nosuid`.
    pub is_ignored: bool,
}

/// What counts of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity {
    /// Real and effective user.
    pub user: [u32; 2],
    /// Real and effective group.
    pub group: [u32; 2],
    /// `PR_SET_NO_NEW_PRIVS` is set.
    pub has_no_new_privileges: bool,
}

/// Whether `identity` would execute the file in secure execution.
#[must_use]
pub fn is_secure(file: &Privileges, identity: &Identity) -> bool {
    let takes_ids = !file.is_ignored && !identity.has_no_new_privileges;
    let [real_user, mut user] = identity.user;
    let [real_group, mut group] = identity.group;
    if takes_ids && file.mode & SET_USER_ID != 0 {
        user = file.user;
    }
    if takes_ids && file.mode & SET_GROUP_ID == SET_GROUP_ID {
        group = file.group;
    }
    let gains = file.has_capabilities && !file.is_ignored && real_user != 0;
    user != real_user || group != real_group || gains
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Identity = Identity {
        user: [0; 2],
        group: [0; 2],
        has_no_new_privileges: false,
    };
    const USER: Identity = Identity {
        user: [1000; 2],
        group: [1000; 2],
        has_no_new_privileges: false,
    };

    #[test]
    fn a_set_user_id_counts_when_it_changes_the_user() {
        let root = Privileges {
            mode: 0o104_755,
            ..Privileges::default()
        };
        assert!(is_secure(&root, &USER));
        assert!(!is_secure(&root, &ROOT));
        let own = Privileges { user: 1000, ..root };
        assert!(!is_secure(&own, &USER) && is_secure(&own, &ROOT));
        let ignored = Privileges {
            is_ignored: true,
            ..root
        };
        assert!(!is_secure(&ignored, &USER));
        let fixed = Identity {
            has_no_new_privileges: true,
            ..USER
        };
        assert!(!is_secure(&root, &fixed));
    }

    #[test]
    fn a_set_group_id_needs_the_groups_permission() {
        let group = |mode| Privileges {
            mode,
            ..Privileges::default()
        };
        assert!(is_secure(&group(0o102_755), &USER));
        assert!(!is_secure(&group(0o102_745), &USER));
    }

    #[test]
    fn who_is_somebody_else_already_stays_so() {
        let plain = Privileges {
            mode: 0o100_755,
            ..Privileges::default()
        };
        assert!(!is_secure(&plain, &USER) && !is_secure(&plain, &ROOT));
        let other = Identity {
            user: [1000, 0],
            ..USER
        };
        assert!(is_secure(&plain, &other));
        let group = Identity {
            group: [1000, 0],
            has_no_new_privileges: true,
            ..USER
        };
        assert!(is_secure(&plain, &group));
    }

    #[test]
    fn capabilities_count_for_everybody_but_root() {
        let file = Privileges {
            has_capabilities: true,
            ..Privileges::default()
        };
        assert!(is_secure(&file, &USER) && !is_secure(&file, &ROOT));
        let ignored = Privileges {
            is_ignored: true,
            ..file
        };
        assert!(!is_secure(&ignored, &USER));
    }
}
