//! What we need again at the end, above all the login token: in secret memory of its own, apart
//! from the region, which the program's side may read.

use std::sync::atomic::Ordering;

use cloudtaser_abi::protection::Protection;

use super::error::ServerError;
use crate::region::acquire;
use crate::secret::Secret;
use crate::sys::mmap::GuardedMapping;

/// A secret in memory that nobody else reads: `memfd_secret` where the kernel gives it.
#[derive(Debug)]
pub(super) struct Kept {
    memory: GuardedMapping,
    len: usize,
    /// The level of that memory.
    pub(super) protection: Protection,
}

impl Kept {
    /// Copies `secret` there. A program that is forked later does not inherit it.
    ///
    /// # Errors
    ///
    /// [`ServerError::Syscall`] when there is no memory at all.
    pub(super) fn keep(secret: &Secret) -> Result<Self, ServerError> {
        let failed = |(call, source)| ServerError::Syscall { call, source };
        let bytes = secret.expose();
        let memory = acquire(bytes.len()).map_err(failed)?;
        let mut mapping = memory.mapping;
        for (word, chunk) in mapping.words().iter().zip(bytes.chunks(8)) {
            let mut padded = [0; 8];
            for (to, from) in padded.iter_mut().zip(chunk) {
                *to = *from;
            }
            word.store(u64::from_ne_bytes(padded), Ordering::Relaxed);
        }
        let advised = mapping.exclude_from_children();
        advised.map_err(|source| failed(("madvise", source)))?;
        let sealed = mapping.set_writable(false);
        sealed.map_err(|source| failed(("mprotect", source)))?;
        Ok(Self {
            memory: mapping,
            len: bytes.len(),
            protection: memory.protection,
        })
    }

    /// A copy on the heap, for one request; it is wiped when it is dropped.
    pub(super) fn copy(&self) -> Secret {
        let words = self.memory.words().iter();
        let mut bytes = Vec::with_capacity(self.len.next_multiple_of(8));
        for word in words.take(self.len.div_ceil(8)) {
            bytes.extend_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        bytes.truncate(self.len);
        Secret::new(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_whole() {
        for len in [1, 7, 8, 9, 95, 5000] {
            let token = Secret::new((1..=u8::MAX).cycle().take(len).collect());
            let kept = Kept::keep(&token).expect("memory");
            assert_eq!(kept.copy(), token);
        }
    }
}
