//! A request that was let in: who asks, what serves it, and whether it still does.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use throng_engine::{
    Constraint, Drafts, Event, EventStream, Limits, Logprobs, Prediction, Request, SubmitError,
};
use tokio::sync::watch;

use crate::app::App;
use crate::error::ApiError;
use crate::exchange::Exchange;
use crate::lifecycle::{Phase, Running};
use crate::metrics::{Metrics, Observed};
use crate::rate_limits::Reservation;
use crate::responses::{Library, Store};
use crate::sampling::Generation;
use crate::state::ServerState;
use crate::tenants::Caller;

/// What the handlers of the API ask for. They are reached only by who may ask the model and has
/// not asked too much, while the server takes requests.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    /// What is served.
    pub(crate) app: Arc<App>,
    caller: Caller,
    share_prefix_cache: bool,
    metrics: Arc<Metrics>,
    responses: Arc<Store>,
    phases: watch::Receiver<Phase>,
    /// The server waits for its end before it goes.
    running: Arc<Running>,
}

/// What an answer is to be like, beside how its tokens are drawn.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// When it ends.
    pub(crate) limits: Limits,
    /// What is reported of its tokens.
    pub(crate) logprobs: Logprobs,
    /// Its form, if it must have one.
    pub(crate) constraint: Option<Arc<dyn Constraint>>,
    /// What it will say, as far as the client knows.
    pub(crate) prediction: Option<Arc<Prediction>>,
}

impl FromRequestParts<ServerState> for Serving {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let (app, running) = state.lifecycle.enter()?;
        if !caller.may_ask(&app.model) {
            return Err(ApiError::model_not_allowed());
        }
        // Looking something up costs nothing.
        if parts.method == Method::POST {
            caller.quota.take_request()?;
        }
        Ok(Self {
            app,
            caller,
            share_prefix_cache: state.share_prefix_cache,
            metrics: state.metrics.clone(),
            responses: state.responses.clone(),
            phases: state.lifecycle.phases(),
            running: Arc::new(running),
        })
    }
}

impl Serving {
    /// The responses that are kept for whoever asks.
    pub(crate) fn library(&self) -> Library {
        Library::new(self.responses.clone(), self.caller.tenant.name.clone())
    }

    /// Hands prompts to the engine, each for as many answers as `generation` says, or, if it
    /// refuses one, none. Answers come prompt by prompt. Errors name the prompts by the parameter
    /// `param`.
    ///
    /// # Errors
    /// The engine refuses.
    pub(crate) fn submit(
        &self,
        param: &str,
        prompts: Vec<Vec<u32>>,
        generation: &Generation,
        terms: Terms,
    ) -> Result<Vec<Events>, ApiError> {
        let Terms { limits, logprobs, constraint, prediction } = terms;
        let request = |prompt| Request {
            prompt,
            sampling: generation.sampling.clone(),
            limits: limits.clone(),
            constraint: constraint.clone(),
            prediction: prediction.clone(),
            logprobs,
            tenant: self.caller.tenant.clone(),
            cache_salt: self.cache_salt(&generation.cache_salt),
        };
        self.caller.exchange.asks(&self.app.model.id);
        let requests: Vec<Request> = prompts.into_iter().map(request).collect();
        let lens: Vec<usize> = requests.iter().map(|request| request.prompt.len()).collect();
        let context = self.app.context();
        let reserved =
            self.caller.quota.reserve(&lens, generation.choices, limits.max_tokens, context)?;
        // The engine may be done before this thread goes on.
        let submitted = Instant::now();
        let streams = self
            .app
            .engine
            .submit_all(&requests, generation.choices)
            .map_err(|error| self.refusal(error, param))?;
        reserved.prompts.keep();
        let answers = streams.into_iter().zip(reserved.answers).enumerate();
        let events = |(index, (stream, reservation))| Events {
            stream,
            observed: {
                let prompt_tokens = lens[index / generation.choices];
                Observed::new(self.metrics.clone(), prompt_tokens, submitted)
            },
            exchange: self.caller.exchange.clone(),
            reservation,
            leads: index % generation.choices == 0,
            reasoning_tokens: 0,
            calls_tools: false,
            phases: self.phases.clone(),
            _running: self.running.clone(),
        };
        Ok(answers.map(events).collect())
    }

    /// What the prompt's prefix may be shared under: the client's own salt, and the tenant's name
    /// unless all tenants share.
    fn cache_salt(&self, own: &str) -> Arc<str> {
        if self.share_prefix_cache {
            return own.into();
        }
        // No name has a line break.
        format!("{}\n{own}", self.caller.tenant.name).into()
    }

    fn refusal(&self, error: SubmitError, param: &str) -> ApiError {
        match error {
            SubmitError::QueueFull(waiting) => {
                ApiError::queue_full(waiting, self.metrics.wait_seconds(waiting))
            }
            error => ApiError::from_submit(error, param),
        }
    }
}

/// The events of one answer, until the server closes. Dropping it cancels the answer.
#[derive(Debug)]
pub(crate) struct Events {
    stream: EventStream,
    observed: Observed,
    exchange: Exchange,
    reservation: Reservation,
    /// It is the first answer to its prompt, with which the prompt is counted.
    leads: bool,
    reasoning_tokens: usize,
    calls_tools: bool,
    phases: watch::Receiver<Phase>,
    _running: Arc<Running>,
}

impl Drop for Events {
    fn drop(&mut self) {
        let mut report = self.observed.report();
        if self.calls_tools {
            report.finish = "tool_calls";
        }
        self.reservation.use_up(report.tokens);
        self.exchange.answered(&report, self.leads, self.reasoning_tokens);
    }
}

impl Events {
    /// Waits for the next event.
    ///
    /// # Errors
    /// The server is going away, or the engine has, although it promises a last event.
    pub(crate) async fn next(&mut self) -> Result<Event, ApiError> {
        tokio::select! {
            // First, or an answer whose events are always there already would never see it.
            biased;
            _ = self.phases.wait_for(|phase| *phase == Phase::Closing) => {
                Err(ApiError::shutting_down())
            }
            event = self.stream.next() => {
                let event = event.ok_or_else(|| {
                    ApiError::internal("The engine stopped in the middle of the answer")
                })?;
                self.observed.see(&event);
                Ok(event)
            }
        }
    }

    /// What became of the tokens drafted for it so far.
    pub(crate) fn drafts(&self) -> Drafts {
        self.stream.drafts()
    }

    /// So many of its tokens so far were reasoning.
    pub(crate) fn reasoned(&mut self, tokens: usize) {
        self.reasoning_tokens = tokens;
    }

    /// It ended with calls of tools.
    pub(crate) fn called_tools(&mut self) {
        self.calls_tools = true;
    }

    /// Ends the answer: it is complete although the engine would go on.
    pub(crate) fn stop(mut self) {
        self.observed.stopped();
    }
}
