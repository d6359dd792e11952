using System.Buffers.Binary;
using System.Text;

namespace FunctionsApp.IntegrationTests.Telemetry;

/// <summary>One field of a message in protobuf's wire format: a number, or bytes that may be text or a message themselves.</summary>
public readonly record struct Field(int Number, ulong Value, ReadOnlyMemory<byte> Bytes)
{
    public string Text => Encoding.UTF8.GetString(Bytes.Span);

    public string Hex => Convert.ToHexStringLower(Bytes.Span);
}

/// <summary>Reads protobuf without its schema (https://protobuf.dev/programming-guides/encoding/): just enough for OTLP.</summary>
public static class Protobuf
{
    /// <summary>The fields of a message, in their order.</summary>
    public static List<Field> Read(ReadOnlyMemory<byte> message)
    {
        var fields = new List<Field>();
        var at = 0;
        while (at < message.Length)
        {
            var tag = ReadVarint(message.Span, ref at);
            var number = (int)(tag >> 3);
            switch (tag & 7)
            {
                case 0:
                    fields.Add(new Field(number, ReadVarint(message.Span, ref at), default));
                    break;
                case 1:
                    fields.Add(new Field(number, BinaryPrimitives.ReadUInt64LittleEndian(message.Span[at..]), default));
                    at += sizeof(ulong);
                    break;
                case 2:
                    var length = (int)ReadVarint(message.Span, ref at);
                    fields.Add(new Field(number, 0, message.Slice(at, length)));
                    at += length;
                    break;
                case 5:
                    fields.Add(new Field(number, BinaryPrimitives.ReadUInt32LittleEndian(message.Span[at..]), default));
                    at += sizeof(uint);
                    break;
                case var wireType:
                    throw new InvalidDataException($"Wire type {wireType} of field {number} is none.");
            }
        }

        return fields;
    }

    /// <summary>The messages that a path of field numbers leads to.</summary>
    public static IEnumerable<Field> Follow(ReadOnlyMemory<byte> message, params int[] path) =>
        path is [var number, .. var rest]
            ? Read(message).Where(field => field.Number == number).SelectMany(field => rest.Length == 0 ? [field] : Follow(field.Bytes, rest))
            : [];

    private static ulong ReadVarint(ReadOnlySpan<byte> bytes, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var next = bytes[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }
}
