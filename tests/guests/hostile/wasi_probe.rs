//! Tries everything WASI could give it: arguments, environment, folders, sockets, name lookup,
//! input.

use hostile::Report;
use sdk::{ChatRequest, Outcome};
use wasip2::cli::{environment, stdin};
use wasip2::filesystem::preopens::get_directories;
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::network::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress};
use wasip2::sockets::{ip_name_lookup, tcp_create_socket, udp_create_socket};

async fn chat(_request: ChatRequest) -> Outcome {
    let mut report = Report::default();
    let variables: Vec<String> = environment::get_environment()
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    report.must_be_empty("environment", &variables);
    report.must_be_empty("arguments", &environment::get_arguments());
    report.must_be_empty("working directory", environment::initial_cwd().as_slice());
    let folders: Vec<String> = get_directories()
        .into_iter()
        .map(|(_, path)| path)
        .collect();
    report.must_be_empty("folders", &folders);
    let input = stdin::get_stdin()
        .blocking_read(1024)
        .map_err(|error| format!("{error:?}"));
    report.must_fail(
        "input",
        input.and_then(|bytes| {
            if bytes.is_empty() {
                Err("nothing".to_owned())
            } else {
                Ok(bytes)
            }
        }),
        |bytes| format!("{bytes:?}"),
    );
    sockets(&mut report);
    for name in [
        "localhost",
        "metadata.google.internal",
        "169.254.169.254",
        "[::1]",
    ] {
        let network = instance_network();
        let answers = ip_name_lookup::resolve_addresses(&network, name).and_then(|stream| {
            stream.subscribe().block();
            stream.resolve_next_address()
        });
        report.must_fail(
            "name",
            answers.map_err(|error| format!("{error:?}")),
            |address| format!("{address:?}"),
        );
    }
    report.send().await
}

fn sockets(report: &mut Report) {
    for address in [(127, 0, 0, 1), (169, 254, 169, 254), (0, 0, 0, 0)] {
        let (network, remote) = (
            instance_network(),
            IpSocketAddress::Ipv4(Ipv4SocketAddress { port: 80, address }),
        );
        let connected =
            tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv4).and_then(|socket| {
                socket.start_connect(&network, remote)?;
                socket.subscribe().block();
                socket.finish_connect().map(drop)
            });
        report.must_fail(
            "tcp connect",
            connected.map_err(|error| format!("{error:?}")),
            |()| String::new(),
        );
        let bound =
            tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv4).and_then(|socket| {
                socket.start_bind(
                    &network,
                    IpSocketAddress::Ipv4(Ipv4SocketAddress { port: 0, address }),
                )?;
                socket.finish_bind()
            });
        report.must_fail(
            "tcp bind",
            bound.map_err(|error| format!("{error:?}")),
            |()| String::new(),
        );
        let sent = udp_create_socket::create_udp_socket(IpAddressFamily::Ipv4).and_then(|socket| {
            socket.start_bind(
                &network,
                IpSocketAddress::Ipv4(Ipv4SocketAddress { port: 0, address }),
            )?;
            socket.finish_bind()?;
            socket.stream(Some(remote)).map(drop)
        });
        report.must_fail("udp", sent.map_err(|error| format!("{error:?}")), |()| {
            String::new()
        });
    }
}

sdk::serve!(chat: chat);
