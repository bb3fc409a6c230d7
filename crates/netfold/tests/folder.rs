//! The output folder: all files of a run appear in it at once, in the place of those of an earlier run, or none does.

use std::fs;
use std::path::Path;

use netfold::output::folder::{self, Folder};
use serde_json::{Value, json};

const SEAL: &str = "certificate.json";

/// The names in a folder, hidden ones too, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn staged(path: &Path, files: &[(&str, &str)]) -> Folder {
    let mut folder = Folder::begin(path).unwrap();
    files.iter().for_each(|(name, content)| folder.write(name, content.as_bytes()).unwrap());
    folder.seal(SEAL, &json!({ "run": files[0].1 })).unwrap();
    folder
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn nothing_is_there_before_and_everything_after() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a/b/out");
    drop(staged(&path, &[("x", "1")]));
    assert!(names(place.path()).is_empty(), "a run that is given up leaves nothing, no parents either");

    let folder = staged(&path, &[("x", "1"), ("y", "2")]);
    assert!(names(place.path()).iter().all(|name| name.starts_with('.')));
    folder.commit().unwrap();
    assert_eq!((names(place.path()), names(&path)), (vec!["a".into()], vec![SEAL.into(), "x".into(), "y".into()]));

    let seal: Value = serde_json::from_str(&text(&path.join(SEAL))).unwrap();
    let sha256 = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b";
    assert_eq!((&seal["run"], &seal["files"][0]), (&json!("1"), &json!({ "file": "x", "sha256": sha256 })));
}

#[test]
fn files_of_the_earlier_run_go_and_those_of_others_stay() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("out");
    staged(&path, &[("both", "old"), ("stale", "old"), ("edited", "old")]).commit().unwrap();
    fs::write(path.join("edited"), "by hand").unwrap();
    fs::write(path.join("notes"), "mine").unwrap();
    fs::create_dir(path.join("folder")).unwrap();

    let folder = staged(&path, &[("both", "new"), ("fresh", "new")]);
    assert_eq!(names(&path), ["both", SEAL, "edited", "folder", "notes", "stale"], "as they were until the end");
    assert_eq!(text(&path.join("both")), "old");
    folder.commit().unwrap();
    assert_eq!(names(&path), ["both", SEAL, "edited", "folder", "fresh", "notes"]);
    assert_eq!(text(&path.join("both")) + &text(&path.join("edited")) + &text(&path.join("notes")), "newby handmine");
    assert_eq!(names(place.path()), ["out"]);
}

/// Runs with seals of different names know nothing of each other.
#[test]
fn another_seal_is_another_run() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("out");
    staged(&path, &[("x", "1")]).commit().unwrap();
    let mut folder = Folder::begin(&path).unwrap();
    folder.write("lens", b"2").unwrap();
    folder.seal("lenses.json", &json!({})).unwrap();
    folder.commit().unwrap();
    assert_eq!(names(&path), [SEAL, "lens", "lenses.json", "x"]);
}

#[test]
fn what_is_in_the_way_is_named_and_the_older_result_stays() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("out");
    staged(&path, &[("a", "old"), ("stale", "old")]).commit().unwrap();
    fs::create_dir(path.join("b")).unwrap();
    let error = staged(&path, &[("a", "new"), ("b", "new")]).commit().unwrap_err();
    assert!(error.to_string().contains("out/b"), "{error}");
    assert_eq!(names(&path), ["a", "b", SEAL, "stale"]);
    assert_eq!((text(&path.join("a")), names(place.path())), ("old".into(), vec!["out".into()]));

    let file = path.join("a");
    assert!(Folder::begin(&file).unwrap_err().to_string().contains("out/a"));
    assert_eq!(text(&file), "old");
}

/// A seal is a file of a folder that may come from a stranger: it names nothing outside of it.
#[test]
fn a_seal_names_files_of_its_own_folder() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("out");
    staged(&path, &[("x", "1")]).commit().unwrap();
    let outside = place.path().join("outside");
    fs::write(&outside, "1").unwrap();
    fs::create_dir(path.join("folder")).unwrap();
    fs::write(path.join("folder/x"), "1").unwrap();
    let seal = text(&path.join(SEAL));
    for name in ["../outside", "folder/x", outside.to_str().unwrap()] {
        fs::write(path.join(SEAL), seal.replace("\"x\"", &format!("\"{name}\""))).unwrap();
        staged(&path, &[("y", "1")]).commit().unwrap();
        assert!(outside.exists() && path.join("folder/x").exists(), "{name}");
    }
    for broken in ["", "{", "{\"files\": 1}"] {
        fs::write(path.join(SEAL), broken).unwrap();
        staged(&path, &[("y", "2")]).commit().unwrap();
    }
}

#[test]
fn runs_at_once_end_with_the_files_of_one() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("new/out");
    for round in 0..20 {
        if round % 4 == 0 {
            let _ = fs::remove_dir_all(place.path().join("new"));
        }
        std::thread::scope(|threads| {
            for run in 0..4 {
                let path = &path;
                threads.spawn(move || {
                    let own = format!("of-{run}");
                    let content = format!("{round} {run}");
                    staged(path, &[("all", &content), (&own, &content), ("more", &content)]).commit().unwrap();
                });
            }
        });
        let last = text(&path.join("all"));
        let own = format!("of-{}", last.split(' ').next_back().unwrap());
        assert_eq!(names(&path), ["all".to_owned(), SEAL.to_owned(), "more".to_owned(), own.clone()], "{last}");
        assert!(["more", &own].iter().all(|name| text(&path.join(name)) == last), "{last}");
        assert_eq!(names(&place.path().join("new")), ["out"]);
    }
}

/// A run that was killed between two files: the folder has no seal, and the next run puts the older result back before it
/// does anything else.
#[cfg(unix)]
#[test]
fn what_a_kill_interrupted_is_put_back() {
    use std::os::unix::fs::MetadataExt;
    for moved in 0..5 {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("out");
        staged(&path, &[("a", "old"), ("stale", "old")]).commit().unwrap();
        let found = fs::metadata(&path).unwrap();
        // As a run leaves it that writes `a` and `b`, killed after so many moves.
        let dead = place.path().join(".out.netfold-k3x0q9ab");
        fs::create_dir_all(dead.join("new")).unwrap();
        fs::create_dir_all(dead.join("old")).unwrap();
        fs::write(dead.join("lock"), "").unwrap();
        ["a", "b", SEAL].iter().for_each(|name| fs::write(dead.join("new").join(name), "{}").unwrap());
        let journal = json!({ "identity": [found.dev(), found.ino()], "files": "new", "names": ["a", "b", SEAL] });
        fs::write(dead.join("journal"), journal.to_string()).unwrap();
        let (old, new) = (dead.join("old"), dead.join("new"));
        let moves =
            [(SEAL, &path, &old), ("a", &path, &old), ("stale", &path, &old), ("a", &new, &path), ("b", &new, &path)];
        moves[..=moved].iter().for_each(|(name, from, to)| fs::rename(from.join(name), to.join(name)).unwrap());
        assert!(!path.join(SEAL).exists());

        drop(staged(&path, &[("c", "never")]));
        assert_eq!(
            (names(&path), names(place.path())),
            (vec!["a".into(), SEAL.into(), "stale".into()], vec!["out".into()])
        );
        assert_eq!(text(&path.join("a")), "old");
    }
}

/// What dead runs left is removed, what live ones hold and what others own is not.
#[test]
fn staging_folders_of_dead_runs_are_removed() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("out");
    staged(&path, &[("a", "1")]).commit().unwrap();
    let live = staged(&path, &[("a", "live")]);
    for dead in [".out.netfold-k3x0q9ab", "out/.netfold-k3x0q9ab"] {
        fs::create_dir_all(place.path().join(dead).join("new")).unwrap();
        fs::write(place.path().join(dead).join("new/a"), "dead").unwrap();
    }
    let others = [".out.netfold-notes", ".outer.netfold-k3x0q9ab", ".netfold-k3x0q9ab"];
    others.iter().for_each(|name| fs::create_dir(place.path().join(name)).unwrap());
    staged(&path, &[("a", "2")]).commit().unwrap();
    let left: Vec<String> = names(place.path()).into_iter().filter(|name| !others.contains(&name.as_str())).collect();
    assert_eq!((left.len(), &left[1], names(&path)), (2, &"out".to_owned(), vec!["a".into(), SEAL.into()]));
    live.commit().unwrap();
    assert_eq!((text(&path.join("a")), names(place.path()).len()), ("live".into(), others.len() + 1));
}

#[cfg(unix)]
#[test]
fn a_folder_may_be_a_link() {
    let place = tempfile::tempdir().unwrap();
    let (real, link) = (place.path().join("deep/real"), place.path().join("link"));
    fs::create_dir_all(&real).unwrap();
    std::os::unix::fs::symlink("deep/real", &link).unwrap();
    staged(&link, &[("x", "1")]).commit().unwrap();
    staged(&link.join("new"), &[("x", "2")]).commit().unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!((text(&real.join("x")), text(&real.join("new/x"))), ("1".into(), "2".into()));
    assert_eq!(
        (names(place.path()), names(&place.path().join("deep"))),
        (vec!["deep".into(), "link".into()], vec!["real".into()])
    );

    std::os::unix::fs::symlink("nowhere", place.path().join("lost")).unwrap();
    assert!(Folder::begin(&place.path().join("lost")).is_err());
    assert_eq!(names(place.path()), ["deep", "link", "lost"]);
}

#[test]
fn one_file_is_whole_or_not_there() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("maps.npy");
    drop(Folder::of_file(&path, b"1").unwrap());
    assert!(names(place.path()).is_empty());
    folder::write(&path, b"1").unwrap();
    fs::write(place.path().join("other"), "mine").unwrap();
    let folder = Folder::of_file(&path, b"2").unwrap();
    assert_eq!(text(&path), "1");
    folder.commit().unwrap();
    assert_eq!((text(&path), names(place.path())), ("2".into(), vec!["maps.npy".into(), "other".into()]));

    for refused in [place.path().to_owned(), place.path().join("none/maps.npy"), path.join("maps.npy")] {
        let error = folder::write(&refused, b"3").unwrap_err().to_string();
        assert!(error.contains(&*refused.to_string_lossy()), "{error}");
    }
    assert_eq!((text(&path), names(place.path()).len()), ("2".into(), 2));
}

#[cfg(unix)]
#[test]
fn one_file_keeps_what_it_is() {
    let place = tempfile::tempdir().unwrap();
    let (real, link) = (place.path().join("real.npy"), place.path().join("link.npy"));
    fs::write(&real, "1").unwrap();
    std::os::unix::fs::symlink("real.npy", &link).unwrap();
    folder::write(&link, b"2").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!((text(&real), names(place.path()).len()), ("2".into(), 2));
    // Not replaced by a file, whoever may do so.
    assert!(folder::write(Path::new("/dev/null"), b"2").unwrap_err().to_string().contains("/dev/null"));
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}
