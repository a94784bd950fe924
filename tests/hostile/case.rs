//! A case: a component, how to drive it, and what to expect from outside.

/// What a group of cases attacks.
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
    Clients,
}

/// Where the component comes from.
#[derive(Debug, Clone, Copy)]
pub enum Component {
    /// From `tests/guests/hostile`, by the name of the built component.
    Hostile(&'static str),
    /// From `tests/guests/examples`.
    Guest(&'static str),
    /// Generated here.
    Made(fn() -> Vec<u8>),
}

/// What the client does.
#[derive(Debug, Clone, Copy)]
pub enum Drive {
    /// Only deploys the component.
    Deploy,
    /// Sends each of these texts in turn and asks for a whole answer.
    Chat(&'static [&'static str]),
    /// Asks for a stream and reads it.
    Stream,
    /// Asks for a stream and reads nothing until the run is over.
    Unread,
    /// Asks for a stream, reads a little and hangs up.
    HangUp,
    /// Sends a form of files with odd names.
    Files,
    /// Submits a job and waits for its end.
    Job,
    /// Asks for a whole answer, then watches for some seconds what the guest started.
    Watch,
    /// Asks for this many whole answers at once.
    Crowd(usize),
    /// This many clients ask for one whole answer after another.
    Clients(usize),
    /// Runs the victim first, then sends the id of the victim's job as the message.
    Victim,
    /// Sends long chat requests to a pipeline that is missing, several at a time.
    Bodies,
    /// Alternates `write` and `scan`.
    Canary,
}

/// The expected outcome.
#[derive(Debug, Clone, Copy)]
pub enum Expect {
    /// The deploy is refused, with a reason that contains one of these texts.
    Refused(&'static [&'static str]),
    /// The deploy is refused, or the deployed component does no harm: every run ends.
    RefusedOrHarmless,
    /// An error that contains one of these texts; any error if the list is empty.
    Fails(&'static [&'static str]),
    /// A successful answer that contains this text.
    Answers(&'static str),
    /// An error, or a report in which every attempt was denied or harmless.
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
    /// What it tries, for people.
    pub tries: &'static str,
}

impl Theme {
    /// The name on the command line.
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
            Theme::Clients => "clients",
        }
    }
}

impl Case {
    /// A case with the hostile guest of the same name.
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

    /// Replaces the component.
    pub const fn by(mut self, component: Component) -> Case {
        self.component = component;
        self
    }

    /// The pipeline that the component is deployed as.
    pub fn pipeline(&self) -> String {
        format!("hostile-{}", self.name)
    }
}
