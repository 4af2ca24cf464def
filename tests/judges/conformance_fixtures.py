"""The fixtures that the MCP conformance suite calls by name, added to the production server as it is."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import zlib
from collections.abc import Callable
from typing import Annotated, Any, Literal

from mcp.server import MCPServer
from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.shared.exceptions import MCPError
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    CallToolResult,
    ContentBlock,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    EmbeddedResource,
    EmptyResult,
    GetPromptResult,
    ImageContent,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    PromptMessage,
    SamplingMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel, Field

Ctx = Context[Any, Any]
_TICK_S = 0.05


def _png() -> str:
    """One red pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(b"\x00\xff\x00\x00")
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + parts).decode()


def _wav() -> str:
    """An instant of silence."""
    head = b"RIFF" + struct.pack("<I", 38) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    return base64.b64encode(head + b"data" + struct.pack("<I", 2) + b"\x80\x80").decode()


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _image() -> ImageContent:
    return ImageContent(type="image", data=_png(), mime_type="image/png")


def _embedded(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    resource = TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return EmbeddedResource(type="resource", resource=resource)


def _tool(server: MCPServer) -> Callable[[Any], Any]:
    return server.tool(description="A fixture of the conformance suite.")


def add_fixtures(server: MCPServer) -> None:
    """Register every fixture of the suite on `server`."""
    _add_contents(server)
    _add_conversations(server)
    _add_elicitations(server)
    _add_rounds(server)
    _add_mixed_rounds(server)
    _add_guarded_rounds(server)
    _add_lists(server)
    _add_resources(server)
    _add_prompts(server)
    _add_legacy(server)


def _add_contents(server: MCPServer) -> None:
    @_tool(server)
    async def test_simple_text() -> CallToolResult:
        return CallToolResult(content=[_text("This is a simple text response for testing.")])

    @_tool(server)
    async def test_image_content() -> CallToolResult:
        return CallToolResult(content=[_image()])

    @_tool(server)
    async def test_audio_content() -> CallToolResult:
        return CallToolResult(content=[AudioContent(type="audio", data=_wav(), mime_type="audio/wav")])

    @_tool(server)
    async def test_embedded_resource() -> CallToolResult:
        text = "This is an embedded resource content."
        return CallToolResult(content=[_embedded("test://embedded-resource", "text/plain", text)])

    @_tool(server)
    async def test_multiple_content_types() -> CallToolResult:
        data = json.dumps({"test": "data", "value": 123})
        mixed = _embedded("test://mixed-content-resource", "application/json", data)
        content: list[ContentBlock] = [_text("Multiple content types test:"), _image(), mixed]
        return CallToolResult(content=content)

    @_tool(server)
    async def test_error_handling() -> CallToolResult:
        text = "This tool intentionally returns an error for testing"
        return CallToolResult(is_error=True, content=[_text(text)])


def _add_conversations(server: MCPServer) -> None:
    @_tool(server)
    async def test_tool_with_progress(ctx: Ctx) -> str:
        for done in (0, 50, 100):
            await ctx.report_progress(done, 100)
            await asyncio.sleep(_TICK_S)
        return "done"

    @_tool(server)
    async def test_tool_with_logging(ctx: Ctx) -> str:
        for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            await ctx.info(words)
            await asyncio.sleep(_TICK_S)
        return "done"

    @_tool(server)
    async def test_sampling(prompt: str, ctx: Ctx) -> str:
        asked = [SamplingMessage(role="user", content=_text(prompt))]
        # On the call's own stream: the client may not have opened the other one yet.
        related = ctx.request_id
        answer = await ctx.session.create_message(asked, max_tokens=100, related_request_id=related)
        return f"LLM response: {getattr(answer.content, 'text', '')}"

    @_tool(server)
    async def test_reconnection(ctx: Ctx) -> str:
        await ctx.close_sse_stream()
        await asyncio.sleep(_TICK_S)
        return "reconnected"

    @_tool(server)
    async def test_missing_capability(ctx: Ctx) -> str:
        if ctx.client_capabilities is None or ctx.client_capabilities.sampling is None:
            data = {"requiredCapabilities": {"sampling": {}}}
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "This tool needs sampling.", data)
        return "the client can sample"


class _User(BaseModel):
    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


class _Defaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Literal["active", "inactive", "pending"] = "active"
    verified: bool = True


_ENUMS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
        "titledSingle": {
            "type": "string",
            "oneOf": [{"const": f"value{n}", "title": f"Option {n}"} for n in (1, 2, 3)],
        },
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {
            "type": "array",
            "items": {"type": "string", "enum": ["option1", "option2", "option3"]},
        },
        "titledMulti": {
            "type": "array",
            "items": {"anyOf": [{"const": f"value{n}", "title": f"Choice {n}"} for n in (1, 2, 3)]},
        },
    },
}


def _add_elicitations(server: MCPServer) -> None:
    @_tool(server)
    async def test_elicitation(message: str, ctx: Ctx) -> str:
        answer = await ctx.elicit(message, _User)
        return f"User response: {answer.model_dump_json()}"

    @_tool(server)
    async def test_elicitation_sep1034_defaults(ctx: Ctx) -> str:
        answer = await ctx.elicit("Check these values.", _Defaults)
        return f"Elicitation completed: {answer.model_dump_json()}"

    @_tool(server)
    async def test_elicitation_sep1330_enums(ctx: Ctx) -> str:
        answer = await ctx.session.elicit("Choose.", _ENUMS, ctx.request_id)
        return f"Elicitation completed: {answer.model_dump_json()}"


def _elicit(message: str, **properties: str) -> ElicitRequest:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(properties),
    }
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _sample(prompt: str, max_tokens: int) -> CreateMessageRequest:
    messages = [SamplingMessage(role="user", content=_text(prompt))]
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=messages, max_tokens=max_tokens))


def _ask(state: str | None = None, **requests: InputRequest) -> InputRequiredResult:
    return InputRequiredResult(input_requests=requests, request_state=state)


def _given(ctx: Ctx, name: str, field: str) -> str | None:
    """What the client put into `field` of its answer `name`; None where it did not answer that."""
    answer = (ctx.input_responses or {}).get(name)
    if not isinstance(answer, ElicitResult) or not answer.content or field not in answer.content:
        return None
    return str(answer.content[field])


def _answered(ctx: Ctx, name: str) -> bool:
    return name in (ctx.input_responses or {})


_Round = CallToolResult | InputRequiredResult


def _said(text: str) -> CallToolResult:
    return CallToolResult(content=[_text(text)])


def _add_rounds(server: MCPServer) -> None:
    @_tool(server)
    async def test_input_required_result_elicitation(ctx: Ctx) -> _Round:
        name = _given(ctx, "user_name", "name")
        if name is None:
            return _ask(user_name=_elicit("What is your name?", name="string"))
        return _said(f"Hello, {name}!")

    @_tool(server)
    async def test_input_required_result_sampling(ctx: Ctx) -> _Round:
        if not _answered(ctx, "capital_question"):
            return _ask(capital_question=_sample("What is the capital of France?", 100))
        answer = (ctx.input_responses or {})["capital_question"]
        return _said(getattr(getattr(answer, "content", None), "text", "no text"))

    @_tool(server)
    async def test_input_required_result_list_roots(ctx: Ctx) -> _Round:
        answer = (ctx.input_responses or {}).get("client_roots")
        if not isinstance(answer, ListRootsResult):
            return _ask(client_roots=ListRootsRequest())
        return _said(f"Roots: {', '.join(str(root.uri) for root in answer.roots)}")


def _add_mixed_rounds(server: MCPServer) -> None:
    @_tool(server)
    async def test_input_required_result_multiple_inputs(ctx: Ctx) -> _Round:
        names = ("user_name", "greeting", "client_roots")
        if ctx.request_state != "asked" or not all(_answered(ctx, name) for name in names):
            return _ask(
                "asked",
                user_name=_elicit("What is your name?", name="string"),
                greeting=_sample("Generate a greeting", 50),
                client_roots=ListRootsRequest(),
            )
        return _said("All three are answered.")

    @_tool(server)
    async def test_input_required_result_capabilities(ctx: Ctx) -> _Round:
        can = ctx.client_capabilities
        asks: dict[str, InputRequest] = {}
        if can and can.sampling is not None:
            asks["greeting"] = _sample("Generate a greeting", 50)
        if can and can.elicitation is not None:
            asks["user_name"] = _elicit("What is your name?", name="string")
        return _ask(**asks) if asks and not ctx.input_responses else _said("Nothing to ask.")


def _add_guarded_rounds(server: MCPServer) -> None:
    @_tool(server)
    async def test_input_required_result_request_state(ctx: Ctx) -> _Round:
        if ctx.request_state != "confirming" or not _answered(ctx, "confirm"):
            return _ask("confirming", confirm=_elicit("Please confirm", ok="boolean"))
        return _said("state-ok")

    @_tool(server)
    async def test_input_required_result_tampered_state(ctx: Ctx) -> _Round:
        if ctx.request_state != "confirming":
            return _ask("confirming", confirm=_elicit("Please confirm", ok="boolean"))
        return _said("The state is as it was given.")

    @_tool(server)
    async def test_input_required_result_multi_round(ctx: Ctx) -> _Round:
        if ctx.request_state == "second":
            return _said("Both rounds are done.")
        if ctx.request_state == "first":
            return _ask("second", step2=_elicit("Step 2: What is your favorite color?", color="string"))
        return _ask("first", step1=_elicit("Step 1: What is your name?", name="string"))


def _add_lists(server: MCPServer) -> None:
    @_tool(server)
    async def test_trigger_tool_change(ctx: Ctx) -> str:
        await ctx.notify_tools_changed()
        return "told"

    @_tool(server)
    async def test_trigger_prompt_change(ctx: Ctx) -> str:
        await ctx.notify_prompts_changed()
        return "told"

    @_tool(server)
    async def test_custom_header(
        region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})],
    ) -> str:
        return f"region {region}"


def _add_resources(server: MCPServer) -> None:
    @server.resource("test://static-text", mime_type="text/plain")
    async def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    async def static_binary() -> bytes:
        return base64.b64decode(_png())

    @server.resource("test://watched-resource", mime_type="text/plain")
    async def watched_resource() -> str:
        return "Watched."

    @server.resource("test://template/{id}/data", mime_type="application/json")
    async def template(id: str) -> str:  # noqa: A002 -- the name in the suite's template
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def _add_prompts(server: MCPServer) -> None:
    @server.prompt()
    async def test_simple_prompt() -> str:
        """A prompt without arguments."""
        return "This is a simple prompt for testing."

    @server.prompt()
    async def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        """A prompt with two arguments."""
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt()
    async def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:  # noqa: N803
        """A prompt that holds a resource."""
        embedded = _embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
        return [UserMessage(embedded), UserMessage("Please process the embedded resource above.")]

    @server.prompt()
    async def test_prompt_with_image() -> list[UserMessage]:
        """A prompt that holds an image."""
        return [UserMessage(_image()), UserMessage("Please analyze the image above.")]

    @server.prompt()
    async def test_input_required_result_prompt(ctx: Ctx) -> GetPromptResult | InputRequiredResult:
        """A prompt that asks before it answers."""
        context = _given(ctx, "user_context", "context")
        if context is None:
            return _ask(user_context=_elicit("What context should the prompt use?", context="string"))
        message = PromptMessage(role="user", content=_text(f"Context: {context}"))
        return GetPromptResult(messages=[message])


def _add_legacy(server: MCPServer) -> None:
    """What the protocol had until 2025-11-25 and the SDK's public interface no longer offers."""
    low = server._lowlevel_server

    async def done(_context: Any, _params: Any) -> EmptyResult:
        return EmptyResult()

    low.add_request_handler("logging/setLevel", SetLevelRequestParams, done)
    if not low.get_request_handler("resources/subscribe"):
        low.add_request_handler("resources/subscribe", SubscribeRequestParams, done)
        low.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, done)
