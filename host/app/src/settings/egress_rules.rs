//! Which requests a plugin may make: `[[egress]]` and `[secrets.NAME]` of its policy.

use hayrick_types::egress::error::GrantError;
use hayrick_types::egress::grant::EgressGrant;
use hayrick_types::egress::host::HostPattern;
use hayrick_types::egress::rule::{EgressRule, Scheme, parse_method, parse_path};
use hayrick_types::egress::secret::{SecretGrant, parse_header, parse_template};
use hayrick_types::settings::plugin::EGRESS_PORT;
use hayrick_types::settings::reader::Reader;

use crate::settings::environment::Environment;
use crate::settings::section::Section;

const SECRET_BYTES_MIN: usize = 8;
/// Reads which requests a plugin may make. Anything not listed is denied.
pub fn read_grant(section: &mut Section, environment: &Environment) -> EgressGrant {
    let rules = section.each_item("egress", read_rule);
    let rules = EgressGrant {
        rules: rules.into_iter().flatten().collect(),
        secrets: Vec::new(),
    };
    let secrets = section.each_section("secrets", "NAME", |name, secret| {
        read_secret(name, secret, &rules, environment)
    });
    EgressGrant {
        secrets: secrets.into_iter().flatten().collect(),
        ..rules
    }
}

fn sentence<T>(read: Result<T, GrantError>) -> Result<T, String> {
    read.map_err(|error| error.to_string())
}

fn read_rule(section: &mut Section) -> Option<EgressRule> {
    let scheme = section.parsed("scheme", |text| sentence(Scheme::parse(text)));
    let host = section.required(
        "host",
        "write something like host = \"api.example.com\"",
        |text| sentence(HostPattern::parse(text)),
    );
    let port = section.optional_number(&EGRESS_PORT, None);
    let port = port.and_then(|port| u16::try_from(port).ok());
    let methods = section.parsed_list("methods", |methods| {
        methods
            .iter()
            .map(|method| sentence(parse_method(method)))
            .collect()
    });
    let path_prefix = section.parsed("path", |text| sentence(parse_path(text)));
    let private = section.flag_of("private");
    let scheme = scheme.unwrap_or(Scheme::Https);
    let rule = EgressRule {
        scheme,
        host: host?,
        port: port.unwrap_or_else(|| scheme.port()),
        methods: methods.unwrap_or_default(),
        path_prefix: path_prefix.unwrap_or_else(|| "/".to_owned()),
        private,
    };
    rule.check()
        .map_err(|error| section.mistake_here(error.to_string()))
        .ok()
}

fn read_secret(
    name: &str,
    section: &mut Section,
    rules: &EgressGrant,
    environment: &Environment,
) -> Option<SecretGrant> {
    let variable = section.required(
        "env",
        "name the environment variable that holds the secret",
        |variable| match environment.get(variable) {
            None => Err(format!(
                "the variable {variable} is not set: set it, or remove this secret"
            )),
            Some(value) if value.len() < SECRET_BYTES_MIN => Err(format!(
                "{variable} is shorter than {SECRET_BYTES_MIN} bytes"
            )),
            Some(_) => Ok(variable.to_owned()),
        },
    );
    let header = section.parsed("header", |text| sentence(parse_header(text)));
    let template = section.parsed("template", |text| sentence(parse_template(text)));
    let to = section.required(
        "to",
        "write something like to = \"https://api.example.com/v1\"",
        |text| sentence(EgressRule::parse(text)),
    );
    let is_plain = header
        .as_ref()
        .is_some_and(|header| header != "authorization");
    let template = template.unwrap_or_else(|| if is_plain { "{}" } else { "Bearer {}" }.to_owned());
    let header = header.unwrap_or_else(|| "authorization".to_owned());
    let secret = SecretGrant {
        name: name.to_owned(),
        variable: variable?,
        header,
        template,
        to: to?,
    };
    rules
        .check_secret(&secret)
        .map_err(|error| section.mistake("to", error.to_string()))
        .ok()?;
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::found::Source;

    fn read(file: &str) -> (EgressGrant, Vec<String>) {
        let variables = [("KEY", "sk-very-secret"), ("SHORT", "x")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment: Environment = variables.into_iter().collect();
        let (grant, reading) =
            Section::read(file.parse().unwrap(), Source::PluginFile, |section| {
                read_grant(section, &environment)
            });
        (
            grant,
            reading.mistakes.iter().map(ToString::to_string).collect(),
        )
    }

    #[test]
    fn an_empty_policy_grants_nothing() {
        assert_eq!(read(""), (EgressGrant::default(), vec![]));
    }

    #[test]
    fn rules_and_secrets_are_read() {
        let (grant, mistakes) = read(
            "[[egress]]\nhost = 'api.example.com'\nmethods = ['GET', 'POST']\npath = '/v1'\n\
             [[egress]]\nscheme = 'http'\nhost = '127.0.0.1'\nport = 8080\nprivate = true\n\
             [secrets.key]\nenv = 'KEY'\nto = 'https://api.example.com/v1'\n\
             [secrets.local]\nenv = 'KEY'\nheader = 'X-Key'\nto = 'http://127.0.0.1:8080'",
        );
        assert_eq!(mistakes, [""; 0]);
        let [first, second] = &grant.rules[..] else {
            panic!("{grant:?}")
        };
        assert_eq!(
            (first.scheme, first.port, first.methods.len(), first.private),
            (Scheme::Https, 443, 2, false)
        );
        assert_eq!(
            (
                second.scheme,
                second.port,
                second.path_prefix.as_str(),
                second.private
            ),
            (Scheme::Http, 8080, "/", true)
        );
        let values: Vec<_> = grant
            .secrets
            .iter()
            .map(|secret| (secret.header.as_str(), secret.value("s")))
            .collect();
        assert_eq!(
            values,
            [
                ("authorization", "Bearer s".to_owned()),
                ("x-key", "s".to_owned())
            ]
        );
    }

    #[test]
    fn every_mistake_has_a_path_and_a_cure() {
        let (_, mistakes) = read(
            "[[egress]]\nscheme = 'ftp'\nhost = '127.1'\nport = 0\nmethods = ['get']\npath = \
             'v1'\nprivat = true\n\
             [[egress]]\n\
             [[egress]]\nhost = '*.example.com'\nprivate = true\n\
             [[egress]]\nscheme = 'http'\nhost = 'api.example.com'\n\
             [secrets.a]\nheader = 'Host'\ntemplate = 'Bearer'\n\
             [secrets.b]\nenv = 'ABSENT'\nto = 'https://api.example.com'\n\
             [secrets.c]\nenv = 'SHORT'\nto = 'api.example.com'\n\
             [secrets.d]\nenv = 'KEY'\nto = 'http://api.example.com'\n\
             [secrets.e]\nenv = 'KEY'\nto = 'https://elsewhere.example.com'",
        );
        let expected = [
            "egress[1].scheme: invalid scheme 'ftp': write \"http\" or \"https\"",
            "egress[1].host: '127.1' is an unusual form",
            "egress[1].port: 0 is out of range",
            "egress[1].methods: invalid method 'get'",
            "egress[1].path: invalid path 'v1'",
            "egress[1].privat: unknown key; did you mean 'private'?",
            "egress[2].host: is missing",
            "egress[3]: *.example.com matches many hosts",
            "secrets.a.env: is missing",
            "secrets.a.header: 'Host' is a header that the host sets itself",
            "secrets.a.template: 'Bearer' must contain one {}",
            "secrets.a.to: is missing",
            "secrets.b.env: the variable ABSENT is not set",
            "secrets.c.env: SHORT is shorter than 8 bytes",
            "secrets.c.to: invalid address 'api.example.com'",
            "secrets.d.to: a secret may only be sent over https",
            "secrets.e.to: no [[egress]] has this scheme, host and port",
        ];
        assert_eq!(mistakes.len(), expected.len(), "{mistakes:#?}");
        for (mistake, beginning) in mistakes.iter().zip(expected) {
            assert!(mistake.starts_with(beginning), "{beginning}: {mistake}");
        }
    }
}
