//! `tabagent-server`: arguments, logging, signals, exit codes. Everything else is the library.

use std::{
    fs::{File, OpenOptions},
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Mutex,
};

use clap::{CommandFactory, Parser};
use tabagent_server::{
    Cli, Command, DoctorOptions, InstallOptions, NativeHostCommand, NativeHostOptions, PairCommand, PairOptions, Pairing,
    ReferenceOptions, Server, ServerLimits, ServerOptions, Service, Settings, ShownCode, Store, doctor,
    native::{self, Installation, counter},
};
use tokio::{net::TcpListener, runtime::Runtime};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// Exit code for a wrong command line and an address that is taken: nothing was served, try again otherwise.
const USAGE: u8 = 2;
/// Exit code of a program that a second Ctrl-C ends.
const INTERRUPTED: i32 = 130;
/// How much is logged unless said otherwise.
const LOG_LEVEL: &str = "info";
/// Added to a filter that is a level alone: of what the stacks beneath do, only what goes wrong. At `trace` they write down packets, keys
/// included.
const STACK: &str = "rtc=error,webrtc=error,tungstenite=error,tokio_tungstenite=error";

fn main() -> ExitCode {
    let mut cli = Cli::parse();
    let done = match cli.command.take() {
        Some(Command::Completions { shell }) => {
            clap_complete::generate(shell, &mut Cli::command(), "tabagent-server", &mut io::stdout());
            return ExitCode::SUCCESS;
        }
        Some(Command::Limits) => return print_limits(),
        Some(Command::Doctor(options)) => diagnose(options),
        Some(Command::NativeHost(NativeHostOptions { command: Some(NativeHostCommand::Install(options)), .. })) => {
            install(options)
        }
        Some(Command::NativeHost(options)) => native_host(options),
        Some(Command::Pair(options)) => pair(options),
        None => run(cli),
    };
    done.unwrap_or_else(|Failure { code, message }| {
        // Nobody to tell when even that fails.
        let _ = writeln!(io::stderr(), "tabagent-server: {message}");
        ExitCode::from(code)
    })
}

/// Why the program ends, in one sentence with what to do.
struct Failure {
    code: u8,
    message: String,
}

fn usage(message: &impl ToString) -> Failure {
    Failure { code: USAGE, message: message.to_string() }
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let settings = cli.settings().map_err(|error| usage(&error))?;
    let mut options = settings.server_options().map_err(|error| usage(&error))?;
    log(&settings).map_err(|error| usage(&error))?;
    let (host, port) = settings.address();
    if host.is_unspecified() && options.allow_hosts.is_empty() {
        tracing::warn!("it listens on every address, but answers to localhost alone: name the others with --allow-host");
    }
    let local = options.allow_local;
    runtime()?.block_on(async {
        let wanted = SocketAddr::new(host, port);
        let listener = TcpListener::bind(wanted).await.map_err(|error| not_bound(wanted, &error))?;
        let address = listener.local_addr().map_err(|error| not_bound(wanted, &error))?;
        // Behind the address: of two servers started alike, the second one says that the first is there.
        let folder = data_folder(settings.data_dir.clone())?;
        let store = open(&folder, &options.limits)?;
        let pairing = Pairing::open(&folder, options.limits.pairing.clone())
            .map_err(|error| usage(&format!("{error}: move it away to pair everybody anew")))?;
        let code = first_code(&settings, &options, &pairing)?;
        options.pairing = Some(pairing);
        let service = service(&settings, &options.limits, store.clone(), folder.clone())?;
        let server = Server::new(options, service);
        match server.serve_native(&folder) {
            Ok(native) => drop(tokio::spawn(native)),
            // The other ways in are as good.
            Err(error) => tracing::warn!(%error, "native messaging does not reach this server"),
        }
        let shutdown = shutdown().map_err(|error| Failure { code: 1, message: format!("signals cannot be heard: {error}") })?;
        announce(address, local, code).map_err(|error| Failure { code: 1, message: format!("standard output: {error}") })?;
        let served = server.serve(listener, shutdown).await;
        // It blocks, and there is nothing left that it could hold up.
        store.close();
        served.map_err(|error| Failure { code: 1, message: error.to_string() })
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The folder for what is to last: the one that was given, or the one where it belongs.
fn data_folder(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let folder = given.or_else(Store::default_folder);
    folder.ok_or_else(|| usage(&"this user has no home folder to store anything in: give one with --data-dir"))
}

fn open(folder: &Path, limits: &ServerLimits) -> Result<Store, Failure> {
    let store = Store::open(folder, limits.store.clone()).map_err(|error| usage(&format!("--data-dir: {error}")))?;
    tracing::info!(folder = %folder.display(), "what is stored lies here");
    Ok(store)
}

fn service(settings: &Settings, limits: &ServerLimits, store: Store, folder: PathBuf) -> Result<Service, Failure> {
    let unset = ReferenceOptions::default();
    let tokens_per_second = settings.tokens_per_second.unwrap_or(unset.tokens_per_second);
    let service = Service::reference_with(ReferenceOptions {
        tokens_per_second,
        limits: limits.service.clone(),
        store,
        data_dir: Some(folder),
        ..unset
    });
    match &settings.files {
        Some(files) => service
            .with_files(files, limits.files.clone())
            .map_err(|error| usage(&format!("--files {}: {error}", files.display()))),
        None => Ok(service),
    }
}

/// A code to show at the start: where nobody could call otherwise, or somebody wishes it.
fn first_code(settings: &Settings, options: &ServerOptions, pairing: &Pairing) -> Result<Option<ShownCode>, Failure> {
    let deserted = options.keys.is_empty() && !options.allow_local && pairing.list().is_empty();
    if !settings.pairing.unwrap_or(deserted) {
        if deserted {
            tracing::warn!(
                "nobody can call: `tabagent-server pair`, a key (--key-file, --key) or --allow-local lets somebody in"
            );
        }
        return Ok(None);
    }
    pairing.show_code().map(Some).map_err(|error| Failure { code: 1, message: error.to_string() })
}

/// The first line on standard output: whoever started the program reads from it that it is ready, and where. A second one is a pairing
/// code, which belongs on no disk and therefore in no log.
fn announce(address: SocketAddr, local: bool, code: Option<ShownCode>) -> io::Result<()> {
    let hint = if local { " (local callers need no key)" } else { "" };
    let mut out = io::stdout().lock();
    writeln!(out, "tabagent-server {} listening on http://{address}{hint}", env!("CARGO_PKG_VERSION"))?;
    if let Some(code) = code {
        writeln!(out, "{code}")?;
    }
    out.flush()
}

fn not_bound(address: SocketAddr, error: &io::Error) -> Failure {
    usage(&match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("{address} is taken by another program: end that one, or choose another port with --port")
        }
        io::ErrorKind::PermissionDenied => {
            format!("this user may not listen on {address}: choose a port above 1023 with --port")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("{} is not an address of this machine: choose one with --host", address.ip())
        }
        _ => format!("cannot listen on {address}: {error}"),
    })
}

fn log(settings: &Settings) -> Result<(), String> {
    let mut filter = settings.log_level.clone().unwrap_or_else(|| LOG_LEVEL.to_owned());
    if filter.parse::<LevelFilter>().is_ok() {
        filter = format!("{filter},{STACK}");
    }
    let filter = EnvFilter::builder().parse(&filter).map_err(|error| format!("--log-level {filter}: {error}"))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter);
    match &settings.log_file {
        Some(path) => {
            let file: File = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|error| format!("--log-file {}: {error}", path.display()))?;
            lines.with_ansi(false).with_writer(Mutex::new(file)).init();
        }
        None => lines.with_ansi(io::stderr().is_terminal()).with_writer(io::stderr).init(),
    }
    Ok(())
}

/// Ends with 1 when something is wrong, so that a script may ask.
fn diagnose(options: DoctorOptions) -> Result<ExitCode, Failure> {
    let json = options.json;
    let runtime = runtime()?;
    let diagnosis = runtime.block_on(doctor::diagnose(options.settings()));
    let text = match json {
        true => serde_json::to_string_pretty(&diagnosis).map_err(|error| Failure { code: 1, message: error.to_string() })?,
        false => diagnosis.to_string(),
    };
    // `doctor | head` closes the pipe early, and that is no failure.
    let _ = writeln!(io::stdout(), "{text}");
    Ok(if diagnosis.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a browser starts: standard output is the browser's, so everything else is said on standard error.
fn native_host(options: NativeHostOptions) -> Result<ExitCode, Failure> {
    let folder = data_folder(options.data_dir)?;
    let runtime = runtime()?;
    let relayed = runtime.block_on(native::relay(&folder, tokio::io::stdin(), tokio::io::stdout()));
    // A thread may still be reading standard input, and would be waited for.
    runtime.shutdown_background();
    relayed.map_err(|error| Failure { code: 1, message: error.to_string() })?;
    Ok(ExitCode::SUCCESS)
}

fn pair(options: PairOptions) -> Result<ExitCode, Failure> {
    let folder = data_folder(options.data_dir)?;
    let lines = runtime()?.block_on(async {
        Ok(match options.command {
            None => vec![counter::show_code(&folder).await?.to_string()],
            Some(PairCommand::List) => counter::list(&folder).await?.iter().map(ToString::to_string).collect(),
            Some(PairCommand::Revoke { id }) => {
                let gone = counter::revoke(&folder, &id).await?;
                let gone = gone.ok_or_else(|| io::Error::other(format!("nobody of the id {id} is paired: see `pair list`")))?;
                vec![format!("revoked {gone}")]
            }
        })
    });
    let lines: Vec<String> = lines.map_err(|error: io::Error| usage(&error))?;
    let mut out = io::stdout().lock();
    lines.iter().try_for_each(|line| writeln!(out, "{line}")).map_err(|error| usage(&error))?;
    Ok(ExitCode::SUCCESS)
}

fn install(options: InstallOptions) -> Result<ExitCode, Failure> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(|error| usage(&format!("{}: {error}", path.display())));
    let installation = Installation {
        browser: options.browser,
        user_data_dir: options.user_data_dir.as_deref().map(absolute).transpose()?,
        home: std::env::home_dir().ok_or_else(|| usage(&"this user has no home folder"))?,
        program: std::env::current_exe().map_err(|error| usage(&error))?,
        data_dir: absolute(&data_folder(options.data_dir)?)?,
    };
    let (done, places) = match (options.uninstall, options.extension_id) {
        (false, Some(id)) => ("installed", Some(installation.install(&id).map_err(|error| usage(&error))?)),
        _ => ("removed", installation.uninstall().map_err(|error| usage(&error))?),
    };
    let line = places.map_or_else(|| "it was not installed".to_owned(), |places| format!("{done} {}", places.manifest.display()));
    // Nobody to tell when even that fails.
    let _ = writeln!(io::stdout(), "{line}");
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> Result<Runtime, Failure> {
    Runtime::new().map_err(|error| Failure { code: 1, message: error.to_string() })
}

fn print_limits() -> ExitCode {
    let mut out = io::stdout().lock();
    let mut rows = ServerLimits::table().into_iter();
    // `limits | head` closes the pipe early, and that is no failure.
    let _ = rows.try_for_each(|row| writeln!(out, "{}={} {}\n    {}", row.name, row.default, row.unit, row.reason));
    ExitCode::SUCCESS
}

/// The first signal ends the server in its own time, the second at once.
fn shutdown() -> io::Result<impl Future<Output = ()>> {
    let mut signals = Signals::new()?;
    Ok(async move {
        signals.next().await;
        tracing::info!("ending: once more to end at once");
        tokio::spawn(async move {
            signals.next().await;
            std::process::exit(INTERRUPTED);
        });
    })
}

/// Ctrl-C and the polite kill.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Ctrl-C, the only one there is here.
#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}
