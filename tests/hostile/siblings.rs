//! A chat plugin composed of many components, each of which holds a stack: a call of its function
//! is lifted synchronously, and waits.

/// Milliseconds that each call waits: longer than any test.
const WAIT: u32 = 600_000;

/// A component whose runs call `count` siblings at once, each of which waits.
pub fn siblings(count: usize) -> Vec<u8> {
    let each = |line: fn(usize) -> String| (0..count).map(line).collect::<Vec<_>>().join("\n");
    let text = COMPONENT
        .replace("$WAIT", &WAIT.to_string())
        .replace(
            ";; imports",
            &each(|n| {
                format!(
                    r#"(import "wait{n}" (func $sibling{n} async))
                    (core func $wait{n}
                        (canon lower (func $sibling{n}) async (memory $memory "memory")))"#
                )
            }),
        )
        .replace(
            ";; core imports",
            &each(|n| format!(r#"(import "" "wait{n}" (func $wait{n} (result i32)))"#)),
        )
        .replace(
            ";; core arguments",
            &each(|n| format!(r#"(export "wait{n}" (func $wait{n}))"#)),
        )
        .replace(";; calls", &each(|n| format!("(drop (call $wait{n}))")))
        .replace(
            ";; siblings",
            &each(|n| {
                format!(
                    r#"(instance $sibling{n}
                        (instantiate $sleeper (with "sleep" (func $timers "sleep"))))"#
                )
            }),
        )
        .replace(
            ";; arguments",
            &each(|n| format!(r#"(with "wait{n}" (func $sibling{n} "wait"))"#)),
        );
    // A mistake in the text below makes an empty file, which no case expects.
    wat::parse_str(text).unwrap_or_default()
}

/// As many as the limit on core instances allows.
pub fn many() -> Vec<u8> {
    siblings(190)
}

/// As many as the limit on the suspended calls of a run allows.
pub fn few() -> Vec<u8> {
    siblings(15)
}

const COMPONENT: &str = r#"
(component
  (import "hayrick:pipeline/timers@0.1.0" (instance $timers
    (export "sleep" (func async (param "duration" u64)))))

  (component $sleeper
    (import "sleep" (func $sleep async (param "duration" u64)))
    (core func $sleep (canon lower (func $sleep)))
    (core module $module
      (import "" "sleep" (func $sleep (param i64)))
      (func (export "wait") (call $sleep (i64.const $WAIT))))
    (core instance $code (instantiate $module
      (with "" (instance (export "sleep" (func $sleep))))))
    (func (export "wait") async (canon lift (core func $code "wait"))))

  (component $main
    (import "sleep" (func $slow async (param "duration" u64)))
    (core module $memory (memory (export "memory") 1))
    (core instance $memory (instantiate $memory))
    (core func $sleep (canon lower (func $slow)))
    ;; imports

    (core module $module
      (import "" "memory" (memory 1))
      (import "" "sleep" (func $sleep (param i64)))
      ;; core imports
      (global $free (mut i32) (i32.const 1024))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)
        (local.set $at
          (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
        (global.set $free (i32.add (local.get $at) (local.get 3)))
        (local.get $at))
      ;; A result whose discriminant is 0: ok.
      (func (export "setup") (result i32) (i32.const 0))
      (func (export "run") (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
        ;; calls
        (call $sleep (i64.const $WAIT))
        (i32.const 0)))
    (core instance $code (instantiate $module
      (with "" (instance
        (export "memory" (memory $memory "memory"))
        (export "sleep" (func $sleep))
        ;; core arguments
      ))))

    (type $role (enum "system" "developer" "user" "assistant" "tool" "function"))
    (type $text-part (record (field "text" string) (field "fields" (option string))))
    (type $image-part (record (field "url" string) (field "fields" (option string))))
    (type $part (variant
      (case "text" $text-part) (case "image-url" $image-part) (case "other" string)))
    (type $tool-call (record (field "id" string) (field "name" string) (field "arguments" string)
      (field "fields" (option string))))
    (type $message (record
      (field "role" $role) (field "content" (list $part)) (field "name" (option string))
      (field "tool-calls" (list $tool-call)) (field "tool-call-id" (option string))
      (field "fields" (option string))))
    (type $request (record
      (field "model" string) (field "messages" (list $message)) (field "body" string)
      (field "headers" (list (tuple string string)))))
    (type $kind (enum "invalid-input" "not-found" "denied" "unavailable" "timeout" "cancelled"
      "limit" "failed"))
    (type $failure (record (field "kind" $kind) (field "message" string)
      (field "retry-after" (option u64)) (field "limit" (option string))))

    (func $setup async (result (result (error $failure)))
      (canon lift (core func $code "setup") (memory $memory "memory")
        (realloc (func $code "realloc"))))
    (func $run async (param "request" $request) (result (result (error $failure)))
      (canon lift (core func $code "run") (memory $memory "memory")
        (realloc (func $code "realloc"))))

    (instance $lifecycle
      (export "failure-kind" (type $kind))
      (export "failure" (type $failure))
      (export "setup" (func $setup)))
    (export "lifecycle" (instance $lifecycle))
    (instance $chat
      (export "role" (type $role))
      (export "text-part" (type $text-part))
      (export "image-part" (type $image-part))
      (export "part" (type $part))
      (export "tool-call" (type $tool-call))
      (export "message" (type $message))
      (export "chat-request" (type $request))
      (export "failure-kind" (type $kind))
      (export "failure" (type $failure))
      (export "run-chat-completion" (func $run)))
    (export "chat" (instance $chat)))

  ;; siblings
  (instance $main (instantiate $main
    (with "sleep" (func $timers "sleep"))
    ;; arguments
  ))
  (export "hayrick:pipeline/lifecycle@0.1.0" (instance $main "lifecycle"))
  (export "hayrick:pipeline/chat@0.1.0" (instance $main "chat")))
"#;
