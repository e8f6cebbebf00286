"""Variables for whole chat templates: system turns, tools, calls and answers, media, thinking."""

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a place.",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "  City, e.g. \"Zürich\" "},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                "days": {"type": ["integer", "null"], "description": "How many", "nullable": True},
                "detail": {
                    "type": "object",
                    "description": "What to tell",
                    "properties": {
                        "wind": {"type": "boolean"},
                        "at": {"type": "object", "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}},
                               "required": ["lat", "lon"]},
                    },
                    "required": ["wind"],
                },
                "tags": {"type": "array", "items": {"type": "string"}},
                "stops": {"type": "array", "description": "Stops", "items": {
                    "type": "object", "properties": {"name": {"type": "string"}, "km": {"type": "number"}},
                    "required": ["name"]}},
            },
            "required": ["place"],
        },
        "response": {"type": "object", "description": "The weather"},
    },
}
PLAIN = {"type": "function", "function": {"name": "now", "description": "Time <now> & 'here'", "parameters": {
    "type": "object", "properties": {}}}}
CALL = {"role": "assistant", "content": "", "tool_calls": [
    {"id": "abcdefghi", "type": "function", "function": {"name": "get_weather", "arguments": {
        "place": "Oslo", "days": 3, "detail": {"wind": True, "at": {"lon": 10.75, "lat": 59.0}},
        "tags": ["a", "b\"c"], "none": None, "ratio": 1e-07}}}]}
ANSWER = {"role": "tool", "name": "get_weather", "tool_call_id": "abcdefghi", "content": "{\"t\": 3.5}"}
STYLED = {"role": "assistant", "content": "", "tool_responses": [
    {"name": "get_weather", "response": {"t": 3.5, "sky": "clear", "ok": True, "list": [1, 2]}},
    {"name": "now", "response": "12:00"}]}
MEDIA = {"role": "user", "content": [
    {"type": "text", "text": " What is in the picture? "}, {"type": "image"},
    {"type": "text", "text": "And here?\n"}, {"type": "audio"}, {"type": "video"}]}
USER = {"role": "user", "content": "Hello!  "}
THOUGHT = {"role": "assistant", "content": "<|channel>thought\nhm, hm<channel|>It is 4.<|channel>x<channel|> Yes."}
TAGGED = {"role": "assistant", "content": "<think>\nlet me see\n</think>\n\nIt is 4."}
REASONED = {"role": "assistant", "reasoning_content": "because\n", "content": "So it is."}

TEXTS = [
    [USER],
    [{"role": "system", "content": " Be brief. "}, USER],
    [{"role": "developer", "content": [{"type": "text", "text": "Be brief."}]}, USER],
    [USER, {"role": "assistant", "content": "Hi."}, {"role": "user", "content": "2+2?"}, THOUGHT,
     {"role": "user", "content": "Sure? 日本語 \U0001F600"}],
    [USER, TAGGED, {"role": "user", "content": "Thanks"}, REASONED],
    [MEDIA],
    [{"role": "system", "content": "S"}, MEDIA, {"role": "assistant", "content": [{"type": "text", "text": "A dog. "}]},
     {"role": "user", "content": "Name it"}],
    [USER, CALL, ANSWER],
    [USER, CALL, ANSWER, {"role": "assistant", "content": "3.5 degrees."}, {"role": "user", "content": "Thanks!"}],
    [USER, {**CALL, "reasoning_content": "ask the tool"}, ANSWER, ANSWER, REASONED],
    [USER, CALL, STYLED, {"role": "assistant", "content": "Cold."}],
    [USER, {"role": "assistant", "content": None, "tool_calls": [
        {"type": "function", "function": {"name": "now", "arguments": "{\"a\": 1}"}}]}],
    [{"role": "user", "content": [{"type": "hologram"}]}],
    [USER, USER],
    [],
]
BASE = {"bos_token": "<bos>", "eos_token": "<turn|>", "pad_token": "<pad>", "unk_token": "<unk>"}

CONVERSATIONS = []
for index, messages in enumerate(TEXTS):
    CONVERSATIONS.append({"messages": messages, "tools": None, "documents": None, "add_generation_prompt": True, **BASE})
    CONVERSATIONS.append({"messages": messages, "tools": [WEATHER, PLAIN], "documents": None,
                          "add_generation_prompt": index % 2 == 0, "enable_thinking": index % 3 != 0, **BASE})
