//! No room: neither for the new manifest, nor the sidecar, nor the journal.

use std::fs;

use crate::harness::*;
use crate::mounts::{Mounted, apart};
use crate::settled::settle;

#[test]
fn on_a_full_disk_manifest_and_sidecar_stay_as_they_were() {
    apart(|| {
        let small = Mounted::memory(256 * 1024);
        let dir = roomy();
        let files = |count| (0..count).for_each(|index| plant(dir.path(), format!("t/{index:0200}").as_ref(), b"x"));
        files(100);
        settle(dir.path());
        let list = small.path().join("list");
        let list = list.to_str().unwrap();
        run(dir.path(), &["-o", list, "--facts", "t"]).clean();
        let before = [fs::read(list).unwrap(), fs::read(format!("{list}.facts")).unwrap()];
        files(2_000);
        settle(dir.path());
        let ended = run(dir.path(), &["update", list, "t"]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("cannot write: No space left on device"), "{ended:?}");
        assert_eq!([fs::read(list).unwrap(), fs::read(format!("{list}.facts")).unwrap()], before);
        // What was finished is in the journal, as far as there was room.
        assert_eq!(names_in(small.path()), ["list", "list.facts", "list.journal"]);
    });
}
