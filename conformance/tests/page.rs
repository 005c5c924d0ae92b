//! The page in a browser: that it loads, filters and follows links, with no
//! error. Says that it was skipped if there is no chromium.

mod common;

use std::path::Path;
use std::process::Command;

use common::Folder;

/// Appended to the page: uses it as a person would, and leaves what it saw in
/// an element of its own.
const PERSON: &str = r##"<script>
addEventListener("load", async () => {
  const $ = (selector) => document.querySelector(selector);
  const settled = () => new Promise((done) => setTimeout(done, 50));
  const seen = {};
  const cases = () => parseInt($(".found").textContent, 10);
  seen.all = cases();
  seen.cells = document.querySelectorAll(".cells a").length;
  $("a[href='#verdict=fail']").click();
  await settled();
  seen.failed = cases();
  const first = $(".cases details");
  first.open = true;
  await settled();
  seen.program = first.querySelector("pre").textContent.includes("vmo_create(");
  seen.again = first.querySelector(".body").textContent.includes("vmo-conformance run --exact");
  first.querySelector("a[href='#clause=VMO-CREATE-02']").click();
  await settled();
  seen.clause = $(".clause strong").textContent;
  seen.ofClause = cases();
  $(".filters button").click();
  await settled();
  seen.cleared = cases();
  const text = $("input[name=q]");
  text.value = "HALF_page rounds";
  text.dispatchEvent(new Event("input", { bubbles: true }));
  await settled();
  seen.texts = cases();
  seen.hash = location.hash;
  seen.wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
  seen.ready = Math.round(performance.timing.loadEventEnd - performance.timing.navigationStart);
  const pre = document.createElement("pre");
  pre.id = "seen";
  pre.textContent = JSON.stringify(seen);
  document.body.append(pre);
});
</script>"##;

fn chromium() -> Option<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    names.into_iter().find(|name| Command::new(name).arg("--version").output().is_ok())
}

/// What a person saw on a page, and what the browser's console says.
fn visit(browser: &str, page: &Path, profile: &Path, width: u32) -> (serde_json::Value, String) {
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("--window-size={width},900"))
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("the browser runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let seen =
        text.rsplit_once("<pre id=\"seen\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let (seen, _) = seen.unwrap_or_else(|| panic!("the page did not get so far: {errors}"));
    let console = errors.lines().filter(|line| line.contains("CONSOLE"));
    let seen = serde_json::from_str(&seen.replace("&amp;", "&")).expect("JSON");
    (seen, console.collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_person_finds_failures_on_the_page() {
    let Some(browser) = chromium() else {
        eprintln!("SKIPPED: the page was not tried, as there is no chromium");
        return;
    };
    let folder = Folder::new();
    folder.run("run vmo_create::* vmo_get_size::* --backend fault:create_rounds_size_down --report html=x.html");
    let page = folder.read("x.html").replace("</body>", &format!("{PERSON}</body>"));
    folder.write("x.html", &page);
    for width in [1280, 390] {
        let profile = folder.path(&format!("profile{width}"));
        let (seen, console) = visit(browser, &folder.path("x.html"), &profile, width);
        assert_eq!(console, "", "the console is silent");
        assert_eq!(seen["all"], 237, "{seen}");
        assert_eq!(seen["cells"], 568, "{seen}");
        assert!(
            seen["failed"].as_u64().is_some_and(|failed| (10..237).contains(&failed)),
            "{seen}"
        );
        assert_eq!((&seen["program"], &seen["again"]), (&true.into(), &true.into()), "{seen}");
        assert_eq!(seen["clause"], "VMO-CREATE-02", "{seen}");
        assert!(seen["ofClause"].as_u64().is_some_and(|of| (1..237).contains(&of)), "{seen}");
        assert_eq!(seen["cleared"], 237, "{seen}");
        assert_eq!(seen["texts"], 2, "{seen}");
        assert_eq!(seen["hash"], "#q=HALF_page+rounds", "{seen}");
        assert_eq!(seen["wide"], false, "nothing is cut off at {width}: {seen}");
        eprintln!("{width}: loaded in {} ms", seen["ready"]);
    }
}
