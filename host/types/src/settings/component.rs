//! `[component]`: limits of what costs the compiler more than the size of the file suggests.

use serde::{Deserialize, Serialize};

/// Passes the table of `[component]` to the next macro.
macro_rules! component_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// How many parts a component may have, including everything nested in it. They are counted
        /// before it is compiled.
        #[derive(Hash, Serialize, Deserialize)]
        pub struct ComponentBounds in "component" named "component." {
            /// Maximum nesting depth of components and modules.
            nesting_max: u64 as count = 16, in 1 ..= 1000, limit NestingMax;
            /// Maximum number of nested components, at any depth.
            components_max: u64 as count = 256, in 1 ..= 1_000_000, limit ComponentsMax;
            /// Maximum number of core modules.
            modules_max: u64 as count = 256, in 1 ..= 1_000_000, limit ModulesMax;
            /// Maximum number of core functions with a body.
            functions_max: u64 as count = 200_000, in 1 ..= 1_000_000, limit FunctionsMax;
            /// Maximum size of the body of a function.
            function_bytes_max: u64 as bytes = 2 << 20, in 1 ..= 8 << 20, limit FunctionBytesMax;
            /// Maximum number of types, including declarations inside component, instance and
            /// module types.
            types_max: u64 as count = 100_000, in 1 ..= 1_000_000, limit TypesMax;
            /// Maximum number of imports, including those of its modules.
            imports_max: u64 as count = 100_000, in 1 ..= 1_000_000, limit ImportsMax;
            /// Maximum number of exports, including those of its modules.
            exports_max: u64 as count = 100_000, in 1 ..= 1_000_000, limit ExportsMax;
            /// Maximum length of the name of an import or export.
            name_bytes_max: u64 as bytes = 1 << 10, in 1 ..= 64 << 10, limit NameBytesMax;
        }
    } };
}

component_table!(settings);
