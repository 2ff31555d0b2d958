//! The same group for futures: `errgroup::tokio::Group`.
//!
//! `cargo run --features tokio --example futures` asks a server of its own for the squares of some numbers, four at a
//! time. The server hangs up on one of them: that is the error, and the others are told to stop.

use std::io;
use std::net::SocketAddr;

use errgroup::{Context, tokio::Group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const UNLUCKY: u64 = 13;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let server = listener.local_addr()?;
    let serving = Group::<io::Error>::new();
    serving.go(serve(listener)).await;

    let (asking, ctx) = Group::<io::Error>::with_context(&Context::background());
    asking.set_limit(4);
    for n in 0..1_000 {
        if asking.go_until(&ctx, ask(ctx.clone(), server, n)).await.is_err() {
            break; // one has failed: no more are begun
        }
    }
    let error = asking.join().await.expect_err("the server has hung up once");
    println!("stopped by: {error}");
    serving.shutdown().await;
    Ok(())
}

async fn ask(ctx: Context, server: SocketAddr, n: u64) -> io::Result<()> {
    let answer = async {
        let mut stream = TcpStream::connect(server).await?;
        stream.write_u64(n).await?;
        stream.read_u64().await
    };
    tokio::select! {
        () = ctx.cancelled() => Ok(ctx.check()?), // fails: it was cancelled
        square = answer => square.map(|square| println!("{n}² = {square}")),
    }
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        match stream.read_u64().await {
            Ok(n) if n != UNLUCKY => stream.write_u64(n * n).await.or_else(ignore_a_lost_client)?,
            Ok(_) => {} // hangs up
            Err(error) => ignore_a_lost_client(error)?,
        }
    }
}

/// A client that was told to stop hangs up in the middle.
fn ignore_a_lost_client(error: io::Error) -> io::Result<()> {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    if matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof) { Ok(()) } else { Err(error) }
}
