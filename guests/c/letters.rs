//! Writes the tables of Unicode of the SDKs in C and Zig, so that they find the same words as Rust:
//! `rustc -O letters.rs && ./letters c > sdk/letters.c && ./letters zig > ../zig/sdk/letters.zig`.

/// What is looked up how.
const FUNCTIONS: &str = r#"
bool ms_is_word(uint32_t letter) {
  if (letter < 0x80) return (letter >= '0' && letter <= '9') || ((letter | 32) >= 'a' && (letter | 32) <= 'z');
  size_t low = 0, high = sizeof WORDS / sizeof *WORDS;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (letter < WORDS[middle][0]) high = middle;
    else if (letter > WORDS[middle][1]) low = middle + 1;
    else return true;
  }
  return false;
}

uint32_t ms_lower(uint32_t letter) {
  if (letter < 0x80) return letter >= 'A' && letter <= 'Z' ? letter | 32 : letter;
  int32_t wanted = (int32_t)letter;
  size_t low = 0, high = sizeof LOWER / sizeof *LOWER;
  while (low < high) {
    size_t middle = (low + high) / 2;
    const int32_t *run = LOWER[middle];
    if (wanted < run[0]) high = middle;
    else if (wanted > run[1]) low = middle + 1;
    else return (wanted - run[0]) % run[2] ? letter : (uint32_t)(wanted + run[3]);
  }
  return letter;
}
"#;

fn letters() -> impl Iterator<Item = char> {
    (0..=u32::from(char::MAX)).filter_map(char::from_u32)
}

/// First and last of each run of letters and digits.
fn words() -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for letter in letters().filter(|letter| letter.is_alphanumeric()).map(u32::from) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == letter => *last = letter,
            _ => runs.push((letter, letter)),
        }
    }
    runs
}

/// First, last, step and distance of each run of letters that have a lower case.
fn lower() -> Vec<(u32, u32, u32, i64)> {
    let mut runs: Vec<(u32, u32, u32, i64)> = Vec::new();
    for letter in letters() {
        let Some(to) = letter.to_lowercase().next().filter(|to| *to != letter) else { continue };
        let (letter, distance) = (u32::from(letter), i64::from(u32::from(to)) - i64::from(u32::from(letter)));
        match runs.last_mut() {
            Some((first, last, step, same)) if *same == distance && letter - *last <= 2 && (first == last || letter - *last == *step) => {
                (*step, *last) = (letter - *last, letter);
            }
            _ => runs.push((letter, letter, 1, distance)),
        }
    }
    runs
}

/// The items of a table, as lines.
fn table(indent: &str, items: Vec<String>) {
    let mut line = String::from(indent);
    for item in items {
        if line.len() + item.len() > 151 {
            println!("{}", line.trim_end());
            line = String::from(indent);
        }
        line += &format!("{item}, ");
    }
    println!("{}\n}};", line.trim_end());
}

fn c() {
    let (major, minor, _) = char::UNICODE_VERSION;
    println!(
        "// Letters of Unicode {major}.{minor}: which belong to words, and what they are in lower case. Written by ../letters.rs.\n#include \"internal.h\"\n"
    );
    println!("// First and last of each run of letters and digits.\nstatic const uint32_t WORDS[][2] = {{");
    table("    ", words().iter().map(|(first, last)| format!("{{{first:#x}, {last:#x}}}")).collect());
    println!("\n// First, last, every how manieth, and the distance to the lower case.\nstatic const int32_t LOWER[][4] = {{");
    table("    ", lower().iter().map(|(first, last, step, distance)| format!("{{{first:#x}, {last:#x}, {step}, {distance}}}")).collect());
    print!("{}", FUNCTIONS);
}

fn zig() {
    let (major, minor, _) = char::UNICODE_VERSION;
    println!(
        "//! Letters of Unicode {major}.{minor}: which belong to words, and what they are in lower case. Written by guests/c/letters.rs.\n\n// zig fmt: off\n"
    );
    println!("/// First and last of each run of letters and digits.\npub const words = [_][2]u21{{");
    table("    ", words().iter().map(|(first, last)| format!(".{{ {first:#x}, {last:#x} }}")).collect());
    println!("\n/// First, last, every how manieth, and the distance to the lower case.\npub const lower = [_][4]i32{{");
    table("    ", lower().iter().map(|(first, last, step, distance)| format!(".{{ {first:#x}, {last:#x}, {step}, {distance} }}")).collect());
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("c") => c(),
        Some("zig") => zig(),
        _ => eprintln!("letters: give `c` or `zig`"),
    }
}
