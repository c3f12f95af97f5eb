//! Finds the *next* function of a name: the one that the program would have called without us.
//!
//! `dlsym(RTLD_NEXT, …)` does the same, but before glibc 2.34 it lives in a library of its own that
//! many programs do not load, and it takes a lock. So this file keeps the list of loaded objects
//! that stand behind us, made once, and looks names up in their symbol tables: no lock and no
//! allocation, in a signal handler and between `vfork` and `exec` too.
//!
//! References: System V ABI, chapter 5 (dynamic section, hash table); `DT_GNU_HASH` as in
//! binutils' `elf/common.h`; dl_iterate_phdr(3).
#![expect(unsafe_code, reason = "reads the tables of the dynamic linker")]

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};

/// Objects that are looked at, at most. Chosen: what stands behind us is what the user preloads and
/// what the program is linked with, which is some hundreds where a program is built of many
/// libraries.
const MAX_OBJECTS: usize = 1024;

#[repr(C)]
struct ProgramHeader {
    kind: u32,
    flags: u32,
    offset: u64,
    address: usize,
    physical: u64,
    file_size: u64,
    memory_size: usize,
    align: u64,
}

#[repr(C)]
struct ObjectInfo {
    base: usize,
    name: *const c_char,
    headers: *const ProgramHeader,
    header_count: u16,
}

#[repr(C)]
struct Dynamic {
    tag: i64,
    value: usize,
}

#[repr(C)]
struct Symbol {
    name: u32,
    info: u8,
    other: u8,
    section: u16,
    value: usize,
    size: u64,
}

/// One loaded object's tables; zero for what it does not have.
#[derive(Clone, Copy)]
struct Object {
    base: usize,
    symbols: usize,
    strings: usize,
    gnu_hash: usize,
    versions: usize,
}

struct Objects {
    list: [UnsafeCell<Object>; MAX_OBJECTS],
    /// Entries that are filled. Stored after them.
    count: AtomicUsize,
    /// Address of our own name, for `LD_PRELOAD`.
    own_name: AtomicUsize,
}

// SAFETY: an element is written once, by the one thread that initialises, before `count` covers it
// with a releasing store; everybody else reads elements below `count` only.
unsafe impl Sync for Objects {}

static OBJECTS: Objects = Objects {
    list: [const {
        UnsafeCell::new(Object {
            base: 0,
            symbols: 0,
            strings: 0,
            gnu_hash: 0,
            versions: 0,
        })
    }; MAX_OBJECTS],
    count: AtomicUsize::new(0),
    own_name: AtomicUsize::new(0),
};

/// The linker's own list of what it has loaded (`struct link_map`, link.h).
#[repr(C)]
struct LinkMap {
    base: usize,
    name: *const c_char,
    dynamic: usize,
    next: *const LinkMap,
}

/// What a debugger finds that list by (`struct r_debug`, link.h).
#[repr(C)]
struct Debug {
    version: c_int,
    first: *const LinkMap,
}

unsafe extern "C" {
    fn dl_iterate_phdr(
        callback: unsafe extern "C" fn(*const ObjectInfo, usize, *mut c_void) -> c_int,
        data: *mut c_void,
    ) -> c_int;

    fn getauxval(kind: u64) -> u64;

    /// Our own dynamic section, as the linker placed it.
    #[link_name = "_DYNAMIC"]
    static OWN_DYNAMIC: Dynamic;
}

/// Lists the loaded objects. To be called by one thread, once, before [`resolve`].
///
/// From the linker's list, because a program may have a `dl_iterate_phdr` of its own that does not
/// work before the program's start (ThreadSanitizer). Where the list cannot be found, as with
/// musl's linker started as a command, that function is called.
pub fn collect() {
    if collect_linked().is_some() {
        return;
    }
    let mut is_behind_us = false;
    // SAFETY: the callback has the type that dl_iterate_phdr(3) calls, and `data` is the `bool`
    // that it expects, alive during the call.
    unsafe { dl_iterate_phdr(visit, (&raw mut is_behind_us).cast()) };
}

fn collect_linked() -> Option<()> {
    // SAFETY: getauxval(3) takes any number.
    let auxiliary = |kind| unsafe { getauxval(kind) };
    let headers = auxiliary(AT_PHDR) as *const ProgramHeader;
    let count = usize::try_from(auxiliary(AT_PHNUM)).ok()?;
    if headers.is_null() {
        return None;
    }
    // SAFETY: the program's headers, as the kernel or the linker says.
    let table = unsafe { core::slice::from_raw_parts(headers, count) };
    let find = |kind| table.iter().find(|header| header.kind == kind);
    let base = match (find(PT_PHDR), find(PT_LOAD)) {
        (Some(own), _) => (headers as usize).wrapping_sub(own.address),
        // The headers stand behind the file's header, which is loaded first.
        (None, Some(first)) if first.offset == 0 => {
            let file = (headers as usize).wrapping_sub(FILE_HEADER);
            file.wrapping_sub(first.address)
        }
        _ => return None,
    };
    let mut entry = base.wrapping_add(find(PT_DYNAMIC)?.address) as *const Dynamic;
    let debug = loop {
        // SAFETY: the table goes on until `DT_NULL`, where the loop ends.
        match unsafe { entry.read() } {
            Dynamic { tag: 0, .. } => return None,
            Dynamic {
                tag: DT_DEBUG,
                value,
            } => break value as *const Debug,
            _ => entry = entry.wrapping_add(1),
        }
    };
    // SAFETY: null, or what the linker put there for debuggers.
    let mut place = unsafe { debug.as_ref() }?.first;
    let mut is_behind_us = false;
    // SAFETY: null at the list's end, else a live element: nothing is unloaded before the start.
    while let Some(object) = unsafe { place.as_ref() } {
        if is_behind_us {
            // SAFETY: the dynamic section of a loaded object.
            add(unsafe { Object::read(object.base, object.dynamic) });
        } else if object.dynamic == (&raw const OWN_DYNAMIC) as usize {
            is_behind_us = true;
            OBJECTS
                .own_name
                .store(object.name as usize, Ordering::Release);
        }
        place = object.next;
    }
    is_behind_us.then_some(())
}

/// `AT_PHDR` and `AT_PHNUM` (getauxval(3)).
const AT_PHDR: u64 = 3;
const AT_PHNUM: u64 = 5;
/// System V ABI.
const FILE_HEADER: usize = 64;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_PHDR: u32 = 6;
const DT_DEBUG: i64 = 21;

/// The path by which the dynamic linker loaded this library.
#[must_use]
pub fn own_path() -> Option<&'static CStr> {
    let name = OBJECTS.own_name.load(Ordering::Acquire) as *const c_char;
    // SAFETY: the dynamic linker's string, which lives as long as we are loaded.
    (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) })
}

/// The address of the next function `name` (with its NUL), kept in `cache`; `missing` when no
/// object has it.
#[cold]
#[inline(never)]
#[must_use]
pub fn resolve(cache: &AtomicUsize, name: *const u8, missing: usize) -> usize {
    crate::state::init::ensure();
    // SAFETY: the callers pass literals that end with NUL; as bare pointers, for there are
    // hundreds.
    let name = unsafe { CStr::from_ptr(name.cast()) };
    let found = find(name.to_bytes()).unwrap_or(missing);
    // Before the list is made there is nothing to remember.
    if OBJECTS.count.load(Ordering::Relaxed) > 0 {
        cache.store(found, Ordering::Relaxed);
    }
    found
}

/// The address of symbol `name` in an object behind us.
#[must_use]
pub fn find(name: &[u8]) -> Option<usize> {
    let count = OBJECTS.count.load(Ordering::Acquire);
    OBJECTS.list.iter().take(count).find_map(|object| {
        // SAFETY: below `count`, so written before and never again.
        let object = unsafe { *object.get() };
        // SAFETY: the tables are those of a loaded object, as its dynamic section gives them.
        unsafe { object.find(name) }
    })
}

unsafe extern "C" fn visit(info: *const ObjectInfo, _size: usize, data: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr passes a live structure.
    let info = unsafe { &*info };
    // SAFETY: `data` is what `collect` gave, alive during the call.
    let is_behind_us = unsafe { &mut *data.cast::<bool>() };
    // SAFETY: the headers are a table of `header_count` entries in the loaded object.
    let headers =
        unsafe { core::slice::from_raw_parts(info.headers, usize::from(info.header_count)) };
    if !*is_behind_us {
        let here = collect as *const () as usize;
        let holds_us = headers.iter().any(|header| {
            let start = info.base.wrapping_add(header.address);
            header.kind == PT_LOAD && here.wrapping_sub(start) < header.memory_size
        });
        if holds_us {
            *is_behind_us = true;
            let name = info.name as usize;
            OBJECTS.own_name.store(name, Ordering::Release);
        }
        return 0;
    }
    let Some(dynamic) = headers.iter().find(|header| header.kind == PT_DYNAMIC) else {
        return 0;
    };
    // SAFETY: `PT_DYNAMIC` of a loaded object is a table that ends with `DT_NULL`.
    add(unsafe { Object::read(info.base, info.base.wrapping_add(dynamic.address)) });
    0
}

/// One more object behind us.
fn add(object: Object) {
    let count = OBJECTS.count.load(Ordering::Relaxed);
    if let Some(place) = OBJECTS.list.get(count) {
        // SAFETY: only the initialising thread comes here, and nobody reads beyond `count`.
        unsafe { *place.get() = object };
        OBJECTS
            .count
            .store(count.wrapping_add(1), Ordering::Release);
    }
}

impl Object {
    /// # Safety
    ///
    /// `table` is the dynamic section of an object that is loaded at `base`.
    unsafe fn read(base: usize, table: usize) -> Self {
        let mut object = Self {
            base,
            symbols: 0,
            strings: 0,
            gnu_hash: 0,
            versions: 0,
        };
        let mut entry = table as *const Dynamic;
        loop {
            // SAFETY: the table goes on until `DT_NULL`, where the loop ends.
            let Dynamic { tag, value } = unsafe { entry.read() };
            // glibc has added the base already, musl and the kernel's vdso have not.
            let address = if value < base {
                base.wrapping_add(value)
            } else {
                value
            };
            match tag {
                0 => return object,
                5 => object.strings = address,
                6 => object.symbols = address,
                0x6fff_fef5 => object.gnu_hash = address,
                0x6fff_fff0 => object.versions = address,
                _ => {}
            }
            entry = entry.wrapping_add(1);
        }
    }

    /// # Safety
    ///
    /// The tables are those of a loaded object.
    unsafe fn find(&self, name: &[u8]) -> Option<usize> {
        // Both C libraries have this table; an object without it has none of the functions.
        if self.symbols == 0 || self.strings == 0 || self.gnu_hash == 0 {
            return None;
        }
        let hash = name.iter().fold(5381_u32, |hash, byte| {
            hash.wrapping_mul(33).wrapping_add(u32::from(*byte))
        });
        let header = self.gnu_hash as *const u32;
        // SAFETY: the table starts with four words: buckets, first symbol, filter words, shift.
        let [buckets, first, words, shift] = unsafe { header.cast::<[u32; 4]>().read() };
        let filter = header.wrapping_add(4).cast::<u64>();
        let word = (hash / 64).checked_rem(words)?;
        // SAFETY: below `words`, the number of the filter's words.
        let word = unsafe { filter.wrapping_add(word as usize).read() };
        let bits = (1_u64 << (hash % 64)) | (1_u64 << ((hash >> (shift % 32)) % 64));
        if word & bits != bits {
            return None;
        }
        let bucket_table = filter.wrapping_add(words as usize).cast::<u32>();
        let chain = bucket_table.wrapping_add(buckets as usize);
        let bucket = hash.checked_rem(buckets)?;
        // SAFETY: below `buckets`, the number of buckets.
        let mut index = unsafe { bucket_table.wrapping_add(bucket as usize).read() };
        if index < first {
            return None;
        }
        loop {
            let at = index.wrapping_sub(first) as usize;
            // SAFETY: a chain goes on until a word with bit 0, where the loop ends.
            let stored = unsafe { chain.wrapping_add(at).read() };
            if stored | 1 == hash | 1 {
                // SAFETY: the chain's index is a symbol's.
                let found = unsafe { self.address_of(index as usize, name) };
                if found.is_some() {
                    return found;
                }
            }
            if stored & 1 == 1 {
                return None;
            }
            index = index.wrapping_add(1);
        }
    }

    /// The address of symbol `index` if it is defined, of the default version, and called `name`.
    ///
    /// # Safety
    ///
    /// `index` is that of a symbol of this object.
    unsafe fn address_of(&self, index: usize, name: &[u8]) -> Option<usize> {
        let symbols = self.symbols as *const Symbol;
        // SAFETY: the caller's promise.
        let symbol = unsafe { symbols.wrapping_add(index).read() };
        // Defined functions and data only; an indirect function would have to be asked first.
        if symbol.section == 0 || !matches!(symbol.info & 15, 0..=2) {
            return None;
        }
        if self.versions != 0 {
            let versions = self.versions as *const u16;
            // SAFETY: the table has one entry for each symbol.
            let version = unsafe { versions.wrapping_add(index).read() };
            if version & 0x8000 != 0 {
                return None;
            }
        }
        let text = self.strings.wrapping_add(symbol.name as usize) as *const c_char;
        // SAFETY: names in the string table end with NUL.
        let text = unsafe { CStr::from_ptr(text) };
        (text.to_bytes() == name).then(|| self.base.wrapping_add(symbol.value))
    }
}
