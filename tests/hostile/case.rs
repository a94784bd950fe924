//! What a case is: a component, how it is driven, and what is to be seen of it from outside.

/// What a group of cases goes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    Cpu,
    Memory,
    HostCalls,
    Answer,
    Traps,
    Jobs,
    Identity,
    Ambient,
    Time,
    Malformed,
}

/// Where the component comes from.
#[derive(Debug, Clone, Copy)]
pub enum Component {
    /// `tests/guests/hostile`, by the name of the built component.
    Hostile(&'static str),
    /// `tests/guests/examples`.
    Guest(&'static str),
    /// Made here.
    Made(fn() -> Vec<u8>),
}

/// What the client does.
#[derive(Debug, Clone, Copy)]
pub enum Drive {
    /// The deploy is all.
    Deploy,
    /// Asks for a whole answer with each of these texts, in sequence.
    Chat(&'static [&'static str]),
    /// Asks for a stream, and reads it.
    Stream,
    /// Asks for a stream and reads nothing until the run is over.
    Unread,
    /// Asks for a stream, reads a little and hangs up.
    HangUp,
    /// Sends a form with two files of odd names.
    Files,
    /// Submits a job and waits for its end.
    Job,
    /// Asks for a whole answer, then watches for some seconds what goes on by itself.
    Watch,
    /// Asks for so many whole answers at once.
    Crowd(usize),
    /// Lets the victim do its work first; the id of the victim's job is the message.
    Victim,
    /// Rounds of `write` and `scan`.
    Canary,
}

/// What is to be seen.
#[derive(Debug, Clone, Copy)]
pub enum Expect {
    /// The deploy is refused, with one of these texts in the reason.
    Refused(&'static [&'static str]),
    /// The deploy is refused, or what was deployed does no harm: every run ends.
    RefusedOrHarmless,
    /// An error with one of these texts in it; any error if empty.
    Fails(&'static [&'static str]),
    /// An answer that ends well and has this in it.
    Answers(&'static str),
    /// An error, or a report none of whose attempts succeeded.
    Contained,
}

/// One attack.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub theme: Theme,
    pub component: Component,
    pub drive: Drive,
    pub expect: Expect,
    /// What it tries, for a person.
    pub tries: &'static str,
}

impl Theme {
    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Theme::Cpu => "cpu",
            Theme::Memory => "memory",
            Theme::HostCalls => "host-calls",
            Theme::Answer => "answer",
            Theme::Traps => "traps",
            Theme::Jobs => "jobs",
            Theme::Identity => "identity",
            Theme::Ambient => "ambient",
            Theme::Time => "time",
            Theme::Malformed => "malformed",
        }
    }
}

impl Case {
    /// A case whose component is the hostile guest of the same name.
    pub const fn of(
        theme: Theme,
        name: &'static str,
        drive: Drive,
        expect: Expect,
        tries: &'static str,
    ) -> Case {
        Case {
            name,
            theme,
            component: Component::Hostile(name),
            drive,
            expect,
            tries,
        }
    }

    /// The same, of another component.
    pub const fn by(mut self, component: Component) -> Case {
        self.component = component;
        self
    }

    /// The pipeline it is deployed as.
    pub fn pipeline(&self) -> String {
        format!("hostile-{}", self.name)
    }
}
