//! The macro that generates all code of a table, and the syntax of tables.
//!
//! ```text
//! macro_rules! some_table {
//!     ($next:ident $($given:tt)*) => { $next! { $($given)*
//!         /// What the struct is.
//!         pub struct Some in "section" named "section." {
//!             /// What the setting means.
//!             some_bytes_max: usize as bytes = 1 << 20, in 1 ..= 1 << 30, limit SomeBytesMax;
//!         }
//!     } };
//! }
//! some_table!(settings);
//! ```
//!
//! The table of a section is a macro that passes its rows to the macro `$next`, after the rows of
//! previous tables. From these, `settings!` generates the struct, its `Default`, `ROWS` and `read`.
//! All tables, chained, go to `limit_names!`, which generates the enum of all limits.
//!
//! A row is `field: type as kind = default`, then `in range` (not for flags, keywords and lists),
//! then `page "…"` if the page shows another default, then `limit Name` if it is a limit. Kinds:
//! `count`, `bytes`, `duration`, `flag`, `keyword`, `list`; `optional_count` and `optional_list`
//! may be absent, and their default is a text that describes what that means.

/// Generates the struct of each table, its defaults, its rows and the function that reads it.
macro_rules! settings {
    ($(
        $(#[$attribute:meta])*
        pub struct $name:ident in $section:literal named $prefix:literal {
            $(
                $(#[doc = $doc:literal])+
                $key:ident: $type:ty as $kind:ident = $preset:expr
                    $(, in $range:expr)? $(, page $page:literal)? $(, limit $limit:ident)?;
            )+
        }
    )+) => {$(
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $key: $type, )+
        }

        impl $name {
            /// The rows of the table.
            pub const ROWS: &'static [$crate::settings::row::Row] = &[
                $(settings!(@row $key: $type as $kind = $preset
                    $(, in $range)? $(, page $page)? $(, limit $limit)?; $($doc)+)),+
            ];

            /// Reads the values that `reader` finds; `default` supplies the rest.
            pub fn read(
                reader: &mut impl $crate::settings::reader::Reader,
                default: &$name,
            ) -> $name {
                $name {
                    $($key: $crate::settings::reader::Setting::read(
                        reader,
                        const { &settings!(@row $key: $type as $kind = $preset
                            $(, in $range)? $(, page $page)? $(, limit $limit)?; $($doc)+) },
                        &default.$key,
                    ),)+
                }
            }
        }

        impl Default for $name {
            fn default() -> $name {
                $name {
                    $($key: <$type as $crate::settings::reader::Setting>::preset(
                        const { &settings!(@row $key: $type as $kind = $preset
                            $(, in $range)? $(, page $page)? $(, limit $limit)?; $($doc)+) },
                    ),)+
                }
            }
        }
    )+};
    (@row $key:ident: $type:ty as $kind:ident = $preset:expr
        $(, in $range:expr)? $(, page $page:literal)? $(, limit $limit:ident)?; $($doc:literal)+
    ) => {
        $crate::settings::row::Row {
            preset_text: settings!(@some $($page)?),
            limit: settings!(@some $($crate::limit_name::LimitName::$limit)?),
            ..$crate::settings::row::Row::new(
                stringify!($key),
                settings!(@kind $kind $type $(, $range)?),
                settings!(@preset $kind $preset),
                concat!($($doc),+),
            )
        }
    };
    (@some) => { None };
    (@some $value:expr) => { Some($value) };
    (@kind count $type:ty, $range:expr) => { $crate::settings::row::Kind::Count($range) };
    (@kind optional_count $type:ty, $range:expr) => { $crate::settings::row::Kind::Count($range) };
    (@kind optional_list $type:ty) => { $crate::settings::row::Kind::List };
    (@kind bytes $type:ty, $range:expr) => { $crate::settings::row::Kind::Bytes($range) };
    (@kind duration $type:ty, $range:expr) => { $crate::settings::row::Kind::Duration($range) };
    (@kind flag $type:ty) => { $crate::settings::row::Kind::Flag };
    (@kind list $type:ty) => { $crate::settings::row::Kind::List };
    (@kind keyword $type:ty) => { $crate::settings::row::Kind::Choice(<$type>::KEYWORDS) };
    (@preset count $preset:expr) => { $crate::settings::row::Preset::Number($preset) };
    (@preset bytes $preset:expr) => { $crate::settings::row::Preset::Number($preset) };
    (@preset optional_count $preset:expr) => { $crate::settings::row::Preset::Absent($preset) };
    (@preset optional_list $preset:expr) => { $crate::settings::row::Preset::Absent($preset) };
    (@preset duration $preset:expr) => { $crate::settings::row::Preset::Duration($preset) };
    (@preset flag $preset:expr) => { $crate::settings::row::Preset::Flag($preset) };
    (@preset list $preset:expr) => { $crate::settings::row::Preset::List($preset) };
    (@preset keyword $preset:expr) => { $crate::settings::row::Preset::Text($preset) };
}

/// Generates an enum whose values are keywords in the settings.
macro_rules! keywords {
    (
        $(#[$attribute:meta])*
        pub enum $name:ident { $( $(#[$doc:meta])* $variant:ident = $keyword:literal, )+ }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $( $(#[$doc])* $variant, )+ }

        impl $name {
            /// The keywords.
            pub const KEYWORDS: &'static [&'static str] = &[$($keyword),+];

            /// The value for a keyword.
            pub fn parse(keyword: &str) -> Option<$name> {
                match keyword {
                    $($keyword => Some($name::$variant),)+
                    _ => None,
                }
            }

            /// Its keyword.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $keyword,)+
                }
            }
        }

        impl $crate::settings::reader::Setting for $name {
            fn preset(row: &$crate::settings::row::Row) -> $name {
                const ALL: [$name; $name::KEYWORDS.len()] = [$($name::$variant),+];
                let [first, ..] = ALL;
                let preset = |value: &$name| {
                    row.preset == $crate::settings::row::Preset::Text(value.as_str())
                };
                ALL.into_iter().find(preset).unwrap_or(first)
            }

            fn read(
                reader: &mut impl $crate::settings::reader::Reader,
                row: &'static $crate::settings::row::Row,
                default: &$name,
            ) -> $name {
                $name::parse(reader.keyword(row, default.as_str())).unwrap_or(*default)
            }
        }
    };
}
