namespace FunctionsApp.Core.Json;

/// <summary>A type whose converter writes an array. The framework's schemas do not cover types that have converters.</summary>
internal interface IJsonArray;
