using FunctionsApp.Core.Tasks;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Durable.Storage;

/// <summary>Checks at startup that a storage account is named. Whether it can be reached is found out later, and may change.</summary>
internal sealed class ConnectionCheck(IConfiguration configuration) : IValidateOptions<TasksOptions>
{
    public ValidateOptionsResult Validate(string? name, TasksOptions options)
    {
        try
        {
            _ = StorageConnection.From(configuration, options.Connection);
            return ValidateOptionsResult.Success;
        }
        catch (InvalidOperationException exception)
        {
            return ValidateOptionsResult.Fail(exception.Message);
        }
    }
}
