//! One exchange: a request, redirects of standby nodes, and the answer within limits on its size.
//! When it is tried again is [`super::transport`]'s.

use std::time::Duration;

use reqwest::header::{HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode, Version};
use url::Url;
use zeroize::Zeroizing;

use super::endpoint::Endpoint;
use super::error::ServerError;
use super::fault::Doing;
use super::reply::{Reply, cleaned};
use super::retry;
use super::transport::{Call, Transport};

/// Largest answer in bytes. Chosen: the API takes requests of 32 MiB at most by default
/// (`max_request_size`), and a secret of 1 MiB in JSON with every byte escaped has 6 MiB.
const MAX_ANSWER: usize = 16 << 20;
/// All answers of one start together, in bytes. Chosen: ten times what an environment can hold
/// (6 MiB, execve(2)); it bounds the memory that a server can make us use.
const MAX_ANSWERS: usize = 64 << 20;
/// Redirects that are followed for one request. Chosen: a standby node sends to the leader, which
/// may have changed meanwhile.
const MAX_REDIRECTS: u32 = 3;

impl Transport {
    /// Sends a request once, and follows redirects, until there is an answer.
    ///
    /// # Errors
    ///
    /// [`ServerError`], with the pause that the server asks for.
    pub(super) async fn exchange(
        &self,
        endpoint: &Endpoint,
        call: &Call<'_>,
        doing: Doing<'_>,
    ) -> Result<Reply, (ServerError, Option<Duration>)> {
        let mut endpoint = endpoint;
        let mut url = url(&endpoint.base, call);
        for _hop in 0..=MAX_REDIRECTS {
            let response = self
                .send(endpoint, call, url.clone(), doing)
                .await
                .map_err(final_)?;
            self.notice(&response);
            let status = response.status();
            if !status.is_redirection() {
                return self.finish(response, doing).await;
            }
            let redirected = self.redirected(endpoint, &url, &response, doing);
            (endpoint, url) = redirected.map_err(final_)?;
        }
        Err(final_(redirect(
            doing,
            &url,
            "it would be the fourth redirect in a row",
        )))
    }

    async fn send(
        &self,
        endpoint: &Endpoint,
        call: &Call<'_>,
        url: Url,
        doing: Doing<'_>,
    ) -> Result<Response, ServerError> {
        let mut request = endpoint
            .client
            .request(call.method.clone(), url)
            .headers(self.headers.clone());
        if let Some(token) = call.token {
            request = request.header("x-vault-token", header("the token", token.expose())?);
        }
        if let Some(body) = call.body {
            request = request
                .header("content-type", "application/json")
                .body(body.expose().to_vec());
        }
        match request.send().await {
            Ok(response) => Ok(response),
            // The first answer shows that the server takes our certificate.
            Err(error) if self.has_answered.get() => Err(doing.failed(error)),
            Err(error) => Err(endpoint.explain(doing.failed(error)).await),
        }
    }

    fn notice(&self, response: &Response) {
        self.has_answered.set(true);
        self.is_multiplexed
            .set(response.version() == Version::HTTP_2);
        self.date.replace(response.headers().get("date").cloned());
    }

    /// Where a redirect leads, if it may be followed.
    fn redirected<'t>(
        &'t self,
        endpoint: &'t Endpoint,
        from: &Url,
        response: &Response,
        doing: Doing<'_>,
    ) -> Result<(&'t Endpoint, Url), ServerError> {
        let location = response
            .headers()
            .get(LOCATION)
            .and_then(|text| text.to_str().ok());
        let Some(mut target) = location.and_then(|text| from.join(text).ok()) else {
            return Err(doing.is_no_api(format!("a redirect ({}) to nowhere", response.status())));
        };
        // A relative redirect stays with the name that stands for the host.
        if target.origin() == endpoint.base.origin() {
            let set = target.set_host(endpoint.address.url().host_str());
            set.map_err(|_no_host| doing.is_no_api("a redirect to no host"))?;
        }
        // 301 to 303 may turn a POST into a GET (RFC 9110, 15.4); the API uses 307.
        let keeps_method = [
            StatusCode::TEMPORARY_REDIRECT,
            StatusCode::PERMANENT_REDIRECT,
        ];
        if !keeps_method.contains(&response.status()) {
            return Err(redirect(
                doing,
                &target,
                "only the statuses 307 and 308 are",
            ));
        }
        // Fails closed: whoever gets the token next was named by the user.
        if !endpoint.address.allows_redirect(&target, &self.addresses) {
            let reason = "it is another host or no https; name it in --addr if it is a node of \
                          this cluster";
            return Err(redirect(doing, &target, reason));
        }
        // A configured node has its own client, which checks its certificate as configured.
        let is_node = |node: &&Endpoint| node.address.url().origin() == target.origin();
        let endpoint = self.endpoints.iter().find(is_node).unwrap_or(endpoint);
        // The certificate's name may stand for the host, which the redirect names.
        if target.host() == endpoint.address.url().host() {
            let host = endpoint.base.host_str();
            let set = target.set_host(host);
            set.map_err(|_no_host| doing.is_no_api("a redirect to no host"))?;
        }
        Ok((endpoint, target))
    }

    /// Reads the body within the limit, and sorts the status.
    async fn finish(
        &self,
        response: Response,
        doing: Doing<'_>,
    ) -> Result<Reply, (ServerError, Option<Duration>)> {
        let status = response.status();
        let asked = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|text| text.to_str().ok());
        let asked = asked.and_then(retry::retry_after);
        let bytes = self.read(response, doing).await.map_err(final_)?;
        let parsed = Reply::parse(status.as_u16(), &bytes);
        let reply = parsed.map_err(|problem| final_(doing.is_no_api(problem)))?;
        match status.as_u16() {
            412 | 429 | 472 | 473 | 500.. => Err((failing(&reply, doing), asked)),
            200..=299 | 400..=499 => Ok(reply),
            other => Err(final_(doing.is_no_api(format!("status {other}")))),
        }
    }

    async fn read(
        &self,
        mut response: Response,
        doing: Doing<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, ServerError> {
        let too_large = |limit| ServerError::TooLarge {
            address: doing.address.to_owned(),
            request: doing.request.to_owned(),
            limit,
        };
        let announced = response.content_length().unwrap_or_default();
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        if announced > MAX_ANSWER {
            return Err(too_large(MAX_ANSWER));
        }
        // One block for what is announced; else it grows, and every old block is wiped as it is
        // freed.
        let mut bytes = Zeroizing::new(Vec::with_capacity(announced));
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| doing.failed(error))?
        {
            self.received.set(self.received.get() + chunk.len());
            if bytes.len() + chunk.len() > MAX_ANSWER {
                return Err(too_large(MAX_ANSWER));
            }
            if self.received.get() > MAX_ANSWERS {
                return Err(too_large(MAX_ANSWERS));
            }
            // Doubling must not go beyond the limit.
            let needed = bytes.len() + chunk.len();
            if needed > bytes.capacity() {
                let wanted = (bytes.capacity() * 2).min(MAX_ANSWER).max(needed);
                let more = wanted - bytes.len();
                bytes.reserve_exact(more);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// A failure without a wish of the server.
fn final_(error: ServerError) -> (ServerError, Option<Duration>) {
    (error, None)
}

fn redirect(doing: Doing<'_>, target: &Url, reason: &'static str) -> ServerError {
    ServerError::Redirect {
        address: doing.address.to_owned(),
        request: doing.request.to_owned(),
        // Path and query of a hostile redirect may hold anything, and its host what we sent.
        target: cleaned(target.origin().ascii_serialization(), doing.ours),
        reason,
    }
}

/// 412, 429, 472, 473 and 5xx: not now, perhaps later.
fn failing(reply: &Reply, doing: Doing<'_>) -> ServerError {
    let (address, request) = (doing.address.to_owned(), doing.request.to_owned());
    let words = reply.words(doing.ours);
    match reply.status {
        429 => ServerError::RateLimited { address, request },
        472 | 473 => ServerError::Standby { address },
        503 if words.to_ascii_lowercase().contains("sealed") => ServerError::Sealed { address },
        // What a standby node says while nobody leads.
        500.. if words.contains("active cluster node not found") => {
            ServerError::Standby { address }
        }
        status => ServerError::Failing {
            address,
            request,
            status,
            text: reply.words_behind_colon(doing.ours),
        },
    }
}

/// The request's URL: every segment of the path is encoded, so that none can become a query, or
/// lead elsewhere.
fn url(base: &Url, call: &Call<'_>) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.clear().push("v1").extend(call.path.split('/'));
    }
    if let Some(version) = call.version {
        url.query_pairs_mut()
            .append_pair("version", &version.to_string());
    }
    url
}

/// A header's value, marked as sensitive.
///
/// # Errors
///
/// [`ServerError::Client`] when it holds a character that no header can have.
pub(super) fn header(what: &str, bytes: &[u8]) -> Result<HeaderValue, ServerError> {
    let mut value = HeaderValue::from_bytes(bytes).map_err(|_invalid| ServerError::Client {
        what: format!("{what} (it holds a character that no HTTP header can have)"),
        source: "invalid header value".into(),
    })?;
    // Kept out of the client's debug output, and of the tables of header compression.
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h4_paths_are_data() {
        let base = Url::parse("https://h:1").unwrap();
        for (path, shown) in [
            ("secret/data/db", "https://h:1/v1/secret/data/db"),
            ("a b/c?d#e%2f", "https://h:1/v1/a%20b/c%3Fd%23e%252f"),
            ("ü/{{x}}\"", "https://h:1/v1/%C3%BC/%7B%7Bx%7D%7D%22"),
        ] {
            assert_eq!(url(&base, &Call::get(path, None)).as_str(), shown);
        }
        let pinned = Call {
            version: Some(3),
            ..Call::get("a", None)
        };
        assert_eq!(url(&base, &pinned).as_str(), "https://h:1/v1/a?version=3");
    }
}
