//! `docs/wit.md`, the boundary as a page, is what `wit/` says: made here, and compared. `MILLSTREAM_ACCEPT=1` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use millstream_tests::root;
use wit_parser::{Docs, Function, Interface, Resolve, Type, TypeDef, TypeDefKind, WorldItem};

struct Page {
    resolve: Resolve,
    text: String,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text += text;
        self.text.push('\n');
    }

    /// A comment of the WIT as a paragraph; indented lines stay the code that they are in Markdown.
    fn docs(&mut self, docs: &Docs) {
        if let Some(docs) = &docs.contents {
            self.line(&format!("\n{}", docs.trim_end()));
        }
    }

    fn name(&self, ty: &Type) -> String {
        let Type::Id(id) = ty else { return primitive(ty).to_owned() };
        let TypeDef { name, kind, .. } = &self.resolve.types[*id];
        if let Some(name) = name {
            return name.clone();
        }
        let optional = |ty: &Option<Type>| ty.as_ref().map_or("_".to_owned(), |ty| self.name(ty));
        match kind {
            TypeDefKind::List(of) => format!("list<{}>", self.name(of)),
            TypeDefKind::Option(of) => format!("option<{}>", self.name(of)),
            TypeDefKind::Result(of) => format!("result<{}, {}>", optional(&of.ok), optional(&of.err)),
            TypeDefKind::Tuple(of) => format!("tuple<{}>", of.types.iter().map(|ty| self.name(ty)).collect::<Vec<_>>().join(", ")),
            other => panic!("the page has no words for a {}: add them here", other.as_str()),
        }
    }

    /// A row of a table; line breaks of a comment would end it.
    fn row(&mut self, name: &str, ty: &str, docs: &Docs) {
        let docs = docs.contents.as_deref().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        let ty = if ty.is_empty() { String::new() } else { format!("`{ty}`") };
        self.line(&format!("| `{name}` | {ty} | {} |", docs.replace('|', "\\|")));
    }

    fn ty(&mut self, ty: &TypeDef) {
        let rows: Vec<(String, String, Docs)> = match &ty.kind {
            // What `use` brings is described where it comes from.
            TypeDefKind::Type(_) => return,
            TypeDefKind::Record(record) => record.fields.iter().map(|field| (field.name.clone(), self.name(&field.ty), field.docs.clone())).collect(),
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter();
                cases.map(|case| (case.name.clone(), case.ty.as_ref().map(|ty| self.name(ty)).unwrap_or_default(), case.docs.clone())).collect()
            }
            other => panic!("the page has no words for a {}: add them here", other.as_str()),
        };
        self.line(&format!("\n### {} `{}`", ty.kind.as_str(), ty.name.as_deref().unwrap_or_default()));
        self.docs(&ty.docs);
        self.line("\n| | | |\n|---|---|---|");
        rows.iter().for_each(|(name, ty, docs)| self.row(name, ty, docs));
    }

    fn function(&mut self, function: &Function) {
        let params = function.params.iter().map(|param| format!("{}: {}", param.name, self.name(&param.ty))).collect::<Vec<_>>().join(", ");
        let result = function.result.as_ref().map(|ty| format!(" -> {}", self.name(ty))).unwrap_or_default();
        self.line(&format!("\n### `{}: func({params}){result}`", function.name));
        self.docs(&function.docs);
    }

    fn interface(&mut self, interface: &Interface) {
        self.line(&format!("\n## Interface `{}`", interface.name.as_deref().unwrap_or_default()));
        self.docs(&interface.docs);
        interface.types.values().for_each(|id| self.ty(&self.resolve.types[*id].clone()));
        interface.functions.values().for_each(|function| self.function(function));
    }
}

fn primitive(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        _ => panic!("the page has no words for {ty:?}: add them here"),
    }
}

fn page(wit: &Path) -> String {
    let mut resolve = Resolve::default();
    let (id, _) = resolve.push_dir(wit).expect("sound WIT");
    let package = resolve.packages[id].clone();
    let mut page = Page { resolve, text: String::new() };
    page.line(&format!("# The boundary: `{}`\n\nMade from [`wit/operator.wit`](../wit/operator.wit) by `tests/wit_page.rs`.", package.name));
    page.docs(&package.docs);
    for id in package.worlds.values() {
        let world = page.resolve.worlds[*id].clone();
        page.line(&format!("\n## World `{}`", world.name));
        page.docs(&world.docs);
        page.line("");
        for (verb, items) in [("imports", &world.imports), ("exports", &world.exports)] {
            for item in items.values() {
                let WorldItem::Interface { id, .. } = item else { panic!("the page has no words for what a world {verb} itself: add them here") };
                let name = page.resolve.interfaces[*id].name.clone().unwrap_or_default();
                // Types are no more than words.
                if !page.resolve.interfaces[*id].functions.is_empty() {
                    let _written = writeln!(page.text, "- {verb} [`{name}`](#interface-{name})");
                }
            }
        }
    }
    for id in package.interfaces.values() {
        page.interface(&page.resolve.interfaces[*id].clone());
    }
    page.text
}

#[test]
fn page_says_what_the_wit_says() {
    let (made, path) = (page(&root().join("wit")), root().join("docs/wit.md"));
    if std::env::var_os("MILLSTREAM_ACCEPT").is_some() {
        std::fs::write(&path, &made).expect("room on disk");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "docs/wit.md is not what wit/ says: MILLSTREAM_ACCEPT=1 cargo test --release -p millstream-tests --test wit_page");
}
