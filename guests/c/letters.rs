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
fn table(items: impl Iterator<Item = String>) {
    const INDENT: &str = "    ";
    let mut line = String::from(INDENT);
    for item in items {
        if line.len() + item.len() > 151 {
            println!("{}", line.trim_end());
            line = String::from(INDENT);
        }
        line += &format!("{item}, ");
    }
    println!("{}\n}};", line.trim_end());
}

/// Both tables: what their comments begin with, how each is declared, what is around an item.
fn tables(comment: &str, [declared_words, declared_lower]: [&str; 2], [open, close]: [&str; 2]) {
    println!("{comment} First and last of each run of letters and digits.\n{declared_words}{{");
    table(words().iter().map(|(first, last)| format!("{open}{first:#x}, {last:#x}{close}")));
    println!("\n{comment} First, last, every how manieth, and the distance to the lower case.\n{declared_lower}{{");
    table(lower().iter().map(|(first, last, step, distance)| format!("{open}{first:#x}, {last:#x}, {step}, {distance}{close}")));
}

fn main() {
    let (major, minor, _) = char::UNICODE_VERSION;
    let about = format!("Letters of Unicode {major}.{minor}: which belong to words, and what they are in lower case. Written by");
    match std::env::args().nth(1).as_deref() {
        Some("c") => {
            println!("// {about} ../letters.rs.\n#include \"internal.h\"\n");
            tables("//", ["static const uint32_t WORDS[][2] = ", "static const int32_t LOWER[][4] = "], ["{", "}"]);
            print!("{FUNCTIONS}");
        }
        Some("zig") => {
            println!("//! {about} guests/c/letters.rs.\n\n// zig fmt: off\n");
            tables("///", ["pub const words = [_][2]u21", "pub const lower = [_][4]i32"], [".{ ", " }"]);
        }
        _ => eprintln!("letters: give `c` or `zig`"),
    }
}
